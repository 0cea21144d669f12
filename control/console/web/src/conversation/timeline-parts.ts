// The timeline cut into what is shown where. Pure.
import type { Entry, Recording } from "../api/types";

/** While a call is live: what came before the person took over, and what the two are saying since (by voice). */
export function humanPart(entries: readonly Entry[]): { before: Entry[]; during: Entry[] } {
  const lastBot = entries.reduce((at, entry, index) => (entry.author === "bot" ? index : at), -1);
  const isDuring = (entry: Entry, index: number) =>
    index > lastBot && entry.via === "voice" && (entry.author === "customer" || entry.author === "attendant");
  return {
    before: entries.filter((entry, index) => !isDuring(entry, index)),
    during: entries.filter(isDuring),
  };
}

export interface Block {
  /** One voice for several lines; events and notes stand alone. */
  kind: "speech" | "note" | "event";
  first: Entry;
  entries: Entry[];
}

const TOGETHER_MS = 120_000;

export function blocks(entries: readonly Entry[]): Block[] {
  const made: Block[] = [];
  for (const entry of entries) {
    const last = made.at(-1);
    const kind = entry.kind === "message" ? "speech" : entry.kind;
    const before = last?.entries.at(-1);
    const joins =
      kind === "speech" &&
      last?.kind === "speech" &&
      last.first.author === entry.author &&
      last.first.author_name === entry.author_name &&
      before !== undefined &&
      Date.parse(entry.at) - Date.parse(before.at) < TOGETHER_MS;
    if (joins) last.entries.push(entry);
    else made.push({ kind, first: entry, entries: [entry] });
  }
  return made;
}

/** The recording that a line is heard in: by time when there are several calls. */
export function recordingOf(entry: Entry, recordings: readonly Recording[]): Recording | null {
  if (entry.start_s === null || !recordings.length) return null;
  if (recordings.length === 1) return recordings[0] ?? null;
  const at = Date.parse(entry.at);
  const covers = recordings.find((one) => {
    const made = Date.parse(one.created_at);
    const length = one.seconds * 1000 + 5000; // created when it began or when it was stored: both are in use
    return at >= made - length && at <= made + length;
  });
  return covers ?? null;
}

/** The last line that began at or before `s`: what is being heard. */
export function lineAt(entries: readonly Entry[], s: number): string | null {
  let found: Entry | null = null;
  for (const entry of entries)
    if (entry.start_s !== null && entry.start_s <= s && (!found || entry.start_s >= (found.start_s ?? 0))) found = entry;
  return found?.id ?? null;
}
