import { describe, expect, it } from "vitest";

import type { Call, Conversation, Entry, HubEvent, QueueItem } from "../api/types";
import { applyEvent, change, type Desk, EMPTY_DESK, merged, withConversation, withPartial, withQueue } from "./reduce";

const AT = "2026-11-22T12:00:00Z";

function item(session: string, more: Partial<QueueItem> = {}): QueueItem {
  return {
    session_id: session,
    user_id: null,
    bot_id: null,
    channel: "voice",
    user_name: "Ana",
    last_message: null,
    last_message_time: null,
    waiting_time_seconds: 0,
    priority: 1,
    status: "waiting",
    call: null,
    ...more,
  };
}

function entry(id: string, seq: number, more: Partial<Entry> = {}): Entry {
  const plain = { author_name: null, text: id, start_s: null, end_s: null } as const;
  return { id, seq, at: AT, kind: "message", author: "customer", via: "voice", ...plain, ...more };
}

function conversation(session: string, timeline: Entry[] = []): Conversation {
  return { item: item(session), contact: null, timeline, call: null, ticket: null, recordings: [], context: null };
}

const call = (state: Call["state"]): Call => ({
  id: "c1",
  session_id: "s1",
  state,
  direction: "inbound",
  from: null,
  to: null,
  started_at: AT,
  answered_at: AT,
  ended_at: null,
  cause: null,
});

const message = (seq: number, one: Entry): HubEvent => ({
  type: "new_message",
  session_id: "s1",
  entry: one,
  seq,
  timestamp: AT,
});
const offer = (seq: number, id: string): HubEvent => ({
  type: "offer",
  offer_id: id,
  session_id: "s1",
  expires_at: AT,
  item: item("s1"),
  seq,
  timestamp: AT,
});
const settled = (seq: number, id: string): HubEvent => ({
  type: "offer_settled",
  offer_id: id,
  session_id: "s1",
  outcome: "withdrawn",
  seq,
  timestamp: AT,
});

const opened: Desk = withConversation({ ...EMPTY_DESK, seq: 10 }, "s1", conversation("s1"));

describe("a replay", () => {
  it("applies each event once, however often it comes", () => {
    const once = [message(11, entry("a", 1)), offer(12, "o1")].reduce(applyEvent, opened);
    const twice = [message(11, entry("a", 1)), offer(12, "o1")].reduce(applyEvent, once);
    expect(twice).toBe(once);
    expect(once.seq).toBe(12);
    expect(once.conversations["s1"]?.timeline).toHaveLength(1);
  });

  it("does not ring again for an offer that was settled while the line was down", () => {
    const desk = [offer(11, "o1"), settled(12, "o1"), offer(11, "o1")].reduce(applyEvent, opened);
    expect(desk.offers).toEqual({});
  });

  it("moves past an event of a kind it does not know", () => {
    const desk = applyEvent(opened, { type: "from_the_future", seq: 11, timestamp: AT } as unknown as HubEvent);
    expect(desk.seq).toBe(11);
    expect(desk.conversations).toEqual(opened.conversations);
  });
});

describe("the timeline", () => {
  it("is in the conversation's order, not in the order of arrival", () => {
    const lines = merged([entry("c", 3), entry("a", 1)], [entry("b", 2)]);
    expect(lines.map((line) => line.id)).toEqual(["a", "b", "c"]);
  });

  it("takes the later version of a line that came twice", () => {
    const lines = merged([entry("a", 1, { text: "antes" })], [entry("a", 1, { text: "depois" })]);
    expect(lines.map((line) => line.text)).toEqual(["depois"]);
  });

  it("keeps a line that the hub told while the snapshot was under way", () => {
    const told = applyEvent(opened, message(11, entry("new", 2)));
    const fetched = withConversation(told, "s1", conversation("s1", [entry("old", 1)]));
    expect(fetched.conversations["s1"]?.timeline.map((line) => line.id)).toEqual(["old", "new"]);
  });

  it("replaces what was being said by the final line of the same speaker only", () => {
    const speaking = (["customer", "attendant"] as const).reduce(
      (desk, speaker) => withPartial(desk, { session_id: "s1", speaker, speaker_name: null, text: "eu que" }),
      opened,
    );
    const desk = applyEvent(speaking, message(11, entry("a", 1)));
    expect(Object.keys(desk.partials["s1"] ?? {})).toEqual(["attendant"]);
  });

  it("shows the last words in the list, but not a note's", () => {
    const queued = withQueue(opened, [item("s1")]);
    const said = applyEvent(queued, message(11, entry("oi", 1)));
    const noted = applyEvent(said, message(12, entry("nota", 2, { kind: "note" })));
    expect(noted.items["s1"]?.last_message).toBe("oi");
  });
});

describe("a call that ends", () => {
  it("is ended in the list and in the conversation, and nobody speaks any more", () => {
    const queued = withQueue(opened, [item("s1", { call: call("talking") })]);
    const speaking = withPartial(queued, { session_id: "s1", speaker: "customer", speaker_name: null, text: "eu" });
    const desk = change(speaking, {
      type: "call_update",
      session_id: "s1",
      call: call("ended"),
      seq: 11,
      timestamp: AT,
    });
    expect(desk.items["s1"]?.call?.state).toBe("ended");
    expect(desk.conversations["s1"]?.call?.state).toBe("ended");
    expect(desk.partials["s1"]).toBeUndefined();
  });

  it("takes the offers of a closed conversation with it", () => {
    const ringing = applyEvent(opened, offer(11, "o1"));
    const desk = applyEvent(ringing, { type: "conversation_closed", session_id: "s1", seq: 12, timestamp: AT });
    expect(desk.offers).toEqual({});
    expect(desk.items["s1"]?.status).toBe("resolved");
  });
});
