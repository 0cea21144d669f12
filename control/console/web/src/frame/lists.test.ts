import { describe, expect, it } from "vitest";

import type { QueueItem, Session } from "../api/types";
import { counts, inTab, matches, sorted } from "./lists";

const me = { user: { id: "u-1", attendant_id: "att-001" } } as Session;
const item = (session: string, more: Partial<QueueItem> = {}) =>
  ({
    session_id: session,
    priority: 1,
    status: "waiting",
    user_name: session,
    last_message: null,
    enqueued_at: "2026-11-22T12:00:00Z",
    call: null,
    ...more,
  }) as QueueItem;

describe("the lists", () => {
  it("know an attendant by code and by id", () => {
    expect(inTab(item("a", { status: "active", assigned_to: "att-001" }), "mine", me)).toBe(true);
    expect(inTab(item("a", { status: "active", assigned_to: "u-1" }), "mine", me)).toBe(true);
    expect(inTab(item("a", { status: "active", assigned_to: "att-002" }), "mine", me)).toBe(false);
    expect(inTab(item("a", { status: "resolved", assigned_to: "u-1" }), "mine", me)).toBe(false);
  });

  it("put urgent first, then who came first", () => {
    const early = item("early", { enqueued_at: "2026-11-22T11:00:00Z" });
    const urgent = item("urgent", { priority: 3 });
    expect(sorted([item("late"), early, urgent], "queue").map((one) => one.session_id)).toEqual([
      "urgent",
      "early",
      "late",
    ]);
  });

  it("put the live call before all else that is mine", () => {
    const live = item("live", { status: "active", call: { state: "held" } as QueueItem["call"] });
    expect(sorted([item("old", { enqueued_at: "2026-11-20T11:00:00Z" }), live], "mine")[0]).toBe(live);
  });

  it("count what waits and what is mine, not what the bot has", () => {
    const items = [item("a"), item("b", { status: "bot" }), item("c", { status: "active", assigned_to: "u-1" })];
    expect(counts(items, me)).toEqual({ queue: 1, mine: 1 });
  });

  it("search without accents, and numbers however they are written", () => {
    const one = item("x", { user_name: "João", user_phone: "+5511988887777" });
    expect(matches(one, "joao", "João")).toBe(true);
    expect(matches(one, "98888-77", "João")).toBe(true);
    expect(matches(one, "maria", "João")).toBe(false);
    expect(matches(one, "  ", "João")).toBe(true);
  });
});
