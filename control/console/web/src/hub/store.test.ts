import { beforeEach, describe, expect, it } from "vitest";

import type { HubEvent, QueueItem } from "../api/types";
import { withQueue } from "./reduce";
import { clearDesk, hub, load, receive, update } from "./store";

const waiting = (session: string, status: QueueItem["status"]): QueueItem => ({
  session_id: session,
  user_id: null,
  bot_id: null,
  channel: "voice",
  user_name: session,
  last_message: null,
  last_message_time: null,
  waiting_time_seconds: 0,
  priority: 1,
  status,
  call: null,
});
const told = (seq: number, item: QueueItem): HubEvent => ({
  type: "queue_update",
  session_id: item.session_id,
  item,
  seq,
  timestamp: "2026-11-22T12:00:00Z",
});

describe("a snapshot", () => {
  beforeEach(() => {
    clearDesk();
    update((desk) => ({ ...desk, seq: 1 }));
  });

  it("that is older than an event does not undo the event", async () => {
    let answer: (items: QueueItem[]) => void = () => undefined;
    const asked = load(() => new Promise<QueueItem[]>((resolve) => (answer = resolve)), withQueue);
    receive(told(2, waiting("s1", "active")));
    receive(told(3, waiting("s2", "waiting")));
    answer([waiting("s1", "waiting")]); // read by the server before both
    await asked;
    const { items } = hub.getState().desk;
    expect(items["s1"]?.status).toBe("active");
    expect(items["s2"]?.status).toBe("waiting");
  });

  it("replaces what was known before it was asked for", async () => {
    receive(told(2, waiting("gone", "waiting")));
    await load(async () => [waiting("s1", "waiting")], withQueue);
    expect(Object.keys(hub.getState().desk.items)).toEqual(["s1"]);
  });

  it("leaves the sequence where the events took it", async () => {
    receive(told(7, waiting("s1", "waiting")));
    await load(async () => [], withQueue);
    expect(hub.getState().desk.seq).toBe(7);
    expect(receive(told(7, waiting("s1", "waiting")))).toBe(false);
  });
});
