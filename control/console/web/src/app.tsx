// Which of the screens is due: checking, sign in, the one-time password, the desk.
import { Button, Loader, MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { ChangePassword, SignIn } from "./session/sign-in";
import { boot, useSession } from "./session/session";
import { queryClient } from "./shared/query";
import { theme } from "./theme";

const Frame = lazy(() => import("./frame/frame"));

export function App() {
  return (
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queryClient}>
          <Screen />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>
  );
}

function Screen() {
  const session = useSession();
  const { t } = useTranslation();
  switch (session.step) {
    case "checking":
      return <Waiting />;
    case "unreachable":
      return (
        <main className="center">
          <p>{t("signIn.unreachable")}</p>
          <Button onClick={() => void boot()}>{t("common.retry")}</Button>
        </main>
      );
    case "out":
      return <SignIn />;
    case "password":
      return <ChangePassword current={session.current} />;
    case "in":
      return (
        <Suspense fallback={<Waiting />}>
          <Frame />
        </Suspense>
      );
  }
}

function Waiting() {
  const { t } = useTranslation();
  return (
    <div className="center late" role="status" aria-label={t("common.loading")}>
      <Loader size="sm" />
    </div>
  );
}
