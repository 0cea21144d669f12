// How a person and a channel are called on the screen.
import type { TFunction } from "i18next";

import type { QueueItem } from "../api/types";
import { phone } from "./format";

export function displayName(t: TFunction, item: QueueItem): string {
  const name = item.user_name?.trim();
  const number = item.user_phone ?? item.call?.from;
  if (name && name !== number) return name;
  return number ? phone(number) : t("list.unknown");
}

export function channelName(t: TFunction, channel: string): string {
  const tell = t as unknown as (key: string, fallback: string) => string;
  return tell(`channel.${channel === "phone" ? "voice" : channel}`, channel);
}
