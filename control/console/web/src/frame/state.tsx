// The state of a conversation as icon and word: never a colour alone.
import {
  IconCheck,
  IconClock,
  IconHourglass,
  IconMessage,
  IconPhone,
  IconPhoneX,
  IconPlayerPause,
  IconRobot,
  IconUserCheck,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { QueueItem } from "../api/types";
import { clock } from "../shared/format";
import { useNow } from "../shared/hooks";

type Kind = QueueItem["status"] | "onCall" | "connecting" | "held";

const LOOK = {
  bot: [IconRobot, "info"],
  waiting: [IconClock, "warning"],
  assigned: [IconUserCheck, "info"],
  active: [IconMessage, "info"],
  pending: [IconHourglass, "neutral"],
  resolved: [IconCheck, "neutral"],
  abandoned: [IconPhoneX, "neutral"],
  onCall: [IconPhone, "success"],
  connecting: [IconPhone, "info"],
  held: [IconPlayerPause, "warning"],
} as const;

export function kindOf(item: QueueItem): Kind {
  if (["resolved", "abandoned", "waiting", "bot"].includes(item.status)) return item.status;
  switch (item.call?.state) {
    case "talking":
      return "onCall";
    case "held":
    case "connecting":
      return item.call.state;
    default:
      return item.status;
  }
}

export function ItemState({ item, timed = false }: { item: QueueItem; timed?: boolean }) {
  const { t } = useTranslation();
  const kind = kindOf(item);
  const [Icon, signal] = LOOK[kind];
  const from = timed && ["onCall", "held"].includes(kind) ? (item.call?.answered_at ?? item.call?.started_at) : null;
  return (
    <span className="state" data-signal={signal} data-kind={kind}>
      <Icon size={14} aria-hidden />
      {t(`status.${kind}`)}
      {from && <Elapsed from={from} />}
    </span>
  );
}

export function Elapsed({ from }: { from: string }) {
  const now = useNow();
  return <time className="figures">{clock((now - Date.parse(from)) / 1000)}</time>;
}
