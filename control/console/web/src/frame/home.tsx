// No conversation is open: what will happen here, and the microphone check before the first call.
import { Button } from "@mantine/core";
import { IconHeadset, IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { AudioSetup } from "../call/audio-setup";
import { problemText } from "../shared/problem";
import { useChangePresence, usePresence } from "./presence";

export function Home() {
  const { t } = useTranslation();
  const online = usePresence() === "online";
  const change = useChangePresence();
  const Icon = online ? IconHeadset : IconPlugConnectedX;
  return (
    <div className="home">
      <section className="home-card">
        <Icon size={28} stroke={1.6} aria-hidden />
        <h1>{t(online ? "home.title" : "home.offlineTitle")}</h1>
        <p>{t(online ? "home.onlineLead" : "home.offlineLead")}</p>
        {!online && (
          <Button onClick={() => change.mutate("online")} loading={change.isPending} data-testid="go-online">
            {t("list.goOnline")}
          </Button>
        )}
        {change.error && (
          <p className="problem" role="alert">
            {problemText(t, change.error)}
          </p>
        )}
      </section>
      <section className="home-card home-audio" aria-labelledby="check-title">
        <h2 id="check-title">{t("home.checkTitle")}</h2>
        <AudioSetup />
      </section>
    </div>
  );
}
