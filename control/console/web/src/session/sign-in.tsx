// Sign in, and the change of a one-time password right after it.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { IconHeadset } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../api/client";
import { problemText } from "../shared/problem";
import { enter } from "./session";

const SHORTEST = 10; // characters of a password

export function SignIn() {
  const { t } = useTranslation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => api.signIn(email.trim(), password),
    onSuccess: (session) => enter(session, password),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signIn.isPending) signIn.mutate();
  };
  return (
    <Card title={t("signIn.title")} lead={t("signIn.lead")} onSubmit={submit}>
      <TextInput
        label={t("signIn.email")}
        type="email"
        name="email"
        autoComplete="username"
        required
        withAsterisk={false}
        autoFocus
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        data-testid="sign-in-email"
      />
      <PasswordInput
        label={t("signIn.password")}
        name="password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        data-testid="sign-in-password"
      />
      <Problem error={signIn.error} />
      <Button type="submit" fullWidth loading={signIn.isPending} data-testid="sign-in-submit">
        {t("signIn.submit")}
      </Button>
    </Card>
  );
}

export function ChangePassword({ current }: { current: string | null }) {
  const { t } = useTranslation();
  const [old, setOld] = useState(current ?? "");
  const [next, setNext] = useState("");
  const [tried, setTried] = useState(false);
  const change = useMutation({
    mutationFn: async () => {
      await api.changePassword(old, next);
      return api.me();
    },
    onSuccess: (session) => enter(session, null),
  });
  const refusal =
    next.length < SHORTEST ? t("password.short", { count: SHORTEST }) : next === old ? t("password.same") : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!refusal && !change.isPending) change.mutate();
  };
  return (
    <Card title={t("password.title")} lead={t("password.lead")} onSubmit={submit}>
      {current === null && (
        <PasswordInput
          label={t("password.current")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          autoFocus
          value={old}
          onChange={(event) => setOld(event.currentTarget.value)}
          data-testid="current-password"
        />
      )}
      <PasswordInput
        label={t("password.next")}
        description={t("password.hint", { count: SHORTEST })}
        autoComplete="new-password"
        required
        withAsterisk={false}
        autoFocus={current !== null}
        value={next}
        onChange={(event) => setNext(event.currentTarget.value)}
        error={tried && refusal}
        data-testid="new-password"
      />
      <Problem error={change.error} />
      <Button type="submit" fullWidth loading={change.isPending} data-testid="new-password-submit">
        {t("password.submit")}
      </Button>
    </Card>
  );
}

function Card(props: { title: string; lead: string; onSubmit: (event: FormEvent) => void; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={props.onSubmit} noValidate={false}>
        <div className="brand">
          <span className="brand-mark" aria-hidden>
            <IconHeadset size={20} stroke={2} />
          </span>
          {t("app.name")}
        </div>
        <div>
          <h1>{props.title}</h1>
          <p className="meta">{props.lead}</p>
        </div>
        {props.children}
      </form>
    </main>
  );
}

function Problem({ error }: { error: unknown }) {
  const { t } = useTranslation();
  return error ? (
    <p className="problem" role="alert">
      {problemText(t, error)}
    </p>
  ) : null;
}
