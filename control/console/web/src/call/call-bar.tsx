// The call while one looks elsewhere: a bar on top, always with a way back.
import { Button } from "@mantine/core";
import { IconPhoneOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Call } from "../api/types";
import { useDesk } from "../hub/store";
import { displayName } from "../shared/names";
import { useCallActions } from "./actions";
import { CallState, MuteButton } from "./call-panel";
import type { LiveCall } from "./store";

export function CallBar({ call: live }: { call: LiveCall }) {
  const { t } = useTranslation();
  const item = useDesk((desk) => desk.items[live.sessionId]);
  return (
    <section className="call-strip" aria-label={t("call.region")} data-testid="call-bar">
      <Link href={`/c/${live.sessionId}`} className="call-strip-name">
        <strong>{item ? displayName(t, item) : t("call.region")}</strong>
        <span className="call-strip-open">{t("call.open")}</span>
      </Link>
      <CallState live={live} call={item?.call ?? null} />
      <span className="grow" />
      <MuteButton live={live} />
      {item?.call && <HangUp call={item.call} />}
    </section>
  );
}

function HangUp({ call }: { call: Call }) {
  const { t } = useTranslation();
  const { hangUp } = useCallActions(call);
  return (
    <Button
      color="danger"
      leftSection={<IconPhoneOff size={18} />}
      onClick={() => hangUp.mutate()}
      loading={hangUp.isPending}
      data-testid="call-hangup"
    >
      {t("call.hangUp")}
    </Button>
  );
}
