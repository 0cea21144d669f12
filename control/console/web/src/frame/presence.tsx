// Presence: who gets calls. The state is the server's; a refusal is shown in place.
import { Menu, UnstyledButton } from "@mantine/core";
import { IconCheck, IconChevronUp, IconCircleFilled, IconCircleMinus, IconClockPause, IconCircleDashed } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { type Presence, PRESENCES } from "../api/types";
import { useDesk } from "../hub/store";
import { askToNotify } from "../offers/notify";
import { ringer } from "../offers/ringer";
import { setPresence, useMe } from "../session/session";
import { problemText } from "../shared/problem";

const ICONS = { online: IconCircleFilled, busy: IconCircleMinus, away: IconClockPause, offline: IconCircleDashed };

export function usePresence(): Presence {
  const { user } = useMe();
  return useDesk(
    (desk) =>
      Object.values(desk.attendants).find((one) => one.user_id === user.id || one.attendant_id === user.attendant_id)
        ?.status ?? "offline",
  );
}

/** Change the presence. It is a gesture: the moment to unlock sound and ask for notifications. */
export function useChangePresence() {
  return useMutation({
    mutationFn: (status: Presence) => {
      if (status === "online") {
        ringer.unlock();
        askToNotify();
      }
      return setPresence(status);
    },
  });
}

export function PresenceMenu() {
  const { t } = useTranslation();
  const presence = usePresence();
  const change = useChangePresence();
  const Icon = ICONS[presence];
  const label = t("presence.menu", { status: t(`presence.${presence}`) });
  return (
    <Menu position="top-start" width={280} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <UnstyledButton className="presence" data-presence={presence} aria-label={label} data-testid="presence-menu">
          <Icon size={14} aria-hidden />
          <strong>{t(`presence.${presence}`)}</strong>
          <span className={change.error ? "presence-problem" : "meta"} role={change.error ? "alert" : undefined}>
            {change.error ? problemText(t, change.error) : t(`presence.${presence}Hint`)}
          </span>
          <IconChevronUp size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {PRESENCES.map((status) => {
          const Sign = ICONS[status];
          return (
            <Menu.Item
              key={status}
              className="presence-item"
              data-presence={status}
              leftSection={<Sign size={16} />}
              rightSection={status === presence && <IconCheck size={16} />}
              onClick={() => change.mutate(status)}
              data-testid={`presence-${status}`}
            >
              {t(`presence.${status}`)}
              <span className="meta block">{t(`presence.${status}Hint`)}</span>
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
