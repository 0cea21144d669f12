// The one store that the hub feeds. Snapshots come from HTTP; events that arrived while one was under way are redone
// over it, so that a slow answer never hides what the hub told meanwhile.
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import type { HubEvent } from "../api/types";
import { applyEvent, change, type Desk, EMPTY_DESK } from "./reduce";

export type Link =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "lost"; since: number; attempts: number }
  | { state: "restored"; replayed: number };

interface Store {
  desk: Desk;
  link: Link;
  /** Server clock minus this machine's, in ms: what an offer's end is measured with. */
  skewMs: number;
}

const JOURNAL_LIMIT = 1000; // events; a snapshot under way longer than that is asked for again

const journal: HubEvent[] = [];
let journalStart = 0; // index of journal[0] since the start

export const hub = createStore<Store>(() => ({ desk: EMPTY_DESK, link: { state: "connecting" }, skewMs: 0 }));

export function useDesk<T>(select: (desk: Desk) => T): T {
  return useStore(hub, (state) => select(state.desk));
}

export function useLink(): Link {
  return useStore(hub, (state) => state.link);
}

export function update(edit: (desk: Desk) => Desk): void {
  hub.setState(({ desk }) => ({ desk: edit(desk) }));
}

/** Take an event from the hub; false when it was already known. */
export function receive(event: HubEvent): boolean {
  const before = hub.getState().desk;
  const after = applyEvent(before, event);
  if (after === before) return false;
  journal.push(event);
  if (journal.length > JOURNAL_LIMIT) {
    journal.shift();
    journalStart += 1;
  }
  hub.setState({ desk: after });
  return true;
}

/** Fetch a snapshot and lay it under the events that came since the question was asked. */
export async function load<T>(fetch: () => Promise<T>, lay: (desk: Desk, snapshot: T) => Desk): Promise<T> {
  for (;;) {
    const mark = journalStart + journal.length;
    const snapshot = await fetch();
    if (mark < journalStart) continue;
    const missed = journal.slice(mark - journalStart);
    update((desk) => missed.reduce(change, lay(desk, snapshot)));
    return snapshot;
  }
}

/** Forget everything: another person signs in. */
export function clearDesk(): void {
  journalStart += journal.length;
  journal.length = 0;
  hub.setState({ desk: EMPTY_DESK, link: { state: "connecting" }, skewMs: 0 });
}
