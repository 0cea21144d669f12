// Which conversations are in which list, and in what order. Pure.
import type { QueueItem, Session } from "../api/types";

export type Tab = "queue" | "mine" | "all";

const CLOSED: readonly string[] = ["resolved", "abandoned"];

export function inTab(item: QueueItem, tab: Tab, me: Session): boolean {
  switch (tab) {
    case "queue":
      return item.status === "waiting";
    case "mine":
      return isMine(item, me) && !CLOSED.includes(item.status);
    case "all":
      return true;
  }
}

/** Queue: urgent first, then who came first. Mine: the live call first. All: the newest first. */
export function sorted(items: readonly QueueItem[], tab: Tab): QueueItem[] {
  const since = (item: QueueItem) =>
    Date.parse(item.enqueued_at ?? item.waiting_since ?? item.created_at ?? item.last_message_time ?? "") || 0;
  const live = (item: QueueItem) => (["connecting", "talking", "held"].includes(item.call?.state ?? "") ? 1 : 0);
  return [...items].sort((a, b) => {
    if (tab === "queue") return b.priority - a.priority || since(a) - since(b);
    if (tab === "mine") return live(b) - live(a) || since(a) - since(b);
    return since(b) - since(a) || a.session_id.localeCompare(b.session_id);
  });
}

export function counts(items: readonly QueueItem[], me: Session): { queue: number; mine: number } {
  return {
    queue: items.filter((item) => inTab(item, "queue", me)).length,
    mine: items.filter((item) => inTab(item, "mine", me)).length,
  };
}

/** Accents and case don't count; digits match a number however it is written. */
export function matches(item: QueueItem, text: string, name: string): boolean {
  const wanted = plain(text.trim());
  if (!wanted) return true;
  const digits = wanted.replace(/\D/g, "");
  const number = `${item.user_phone ?? ""} ${item.call?.from ?? ""}`.replace(/\D/g, "");
  const words = plain([name, item.user_name, item.user_email, item.last_message, item.queue_name].join(" "));
  return words.includes(wanted) || (digits.length >= 3 && number.includes(digits));
}

/** The attendant of a conversation is named by code or by id. */
export function isMine(item: QueueItem, me: Session): boolean {
  return !!item.assigned_to && (item.assigned_to === me.user.attendant_id || item.assigned_to === me.user.id);
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
