import { describe, expect, it } from "vitest";

import type { Entry, Recording } from "../api/types";
import { blocks, humanPart, lineAt, recordingOf } from "./timeline-parts";

let seq = 0;
const entry = (author: Entry["author"], text: string, more: Partial<Entry> = {}): Entry => ({
  id: text,
  seq: ++seq,
  at: "2026-11-22T12:00:00Z",
  kind: "message",
  author,
  author_name: null,
  text,
  via: "voice",
  start_s: null,
  end_s: null,
  ...more,
});
const texts = (entries: readonly Entry[]) => entries.map((one) => one.text);

describe("a live call", () => {
  it("shows in its panel what was said after the bot's last word; notes and events stay in the timeline", () => {
    const { before, during } = humanPart([
      entry("bot", "olá"),
      entry("customer", "quero um atendente"),
      entry("bot", "vou transferir"),
      entry("system", "atendeu", { kind: "event", via: "system" }),
      entry("attendant", "oi"),
      entry("attendant", "ligar amanhã", { kind: "note", via: "text" }),
      entry("customer", "oi!"),
    ]);
    expect(texts(during)).toEqual(["oi", "oi!"]);
    expect(texts(before)).toEqual(["olá", "quero um atendente", "vou transferir", "atendeu", "ligar amanhã"]);
  });
});

describe("blocks", () => {
  it("join what one voice says, and break on another voice, on a note and on a pause", () => {
    const made = blocks([
      entry("customer", "a"),
      entry("customer", "b"),
      entry("bot", "c"),
      entry("attendant", "nota", { kind: "note" }),
      entry("bot", "d"),
      entry("bot", "later", { at: "2026-11-22T12:10:00Z" }),
    ]);
    expect(made.map((block) => texts(block.entries))).toEqual([["a", "b"], ["c"], ["nota"], ["d"], ["later"]]);
  });
});

describe("a recording", () => {
  const recording = (id: string, created_at: string): Recording => ({
    id,
    seconds: 60,
    channels: 2,
    url: "",
    size: 1,
    created_at,
  });
  const first = recording("first", "2026-11-22T11:00:00Z");
  const second = recording("second", "2026-11-22T12:00:30Z");

  it("belongs to the lines of its own call", () => {
    expect(recordingOf(entry("customer", "x", { start_s: 3 }), [first, second])?.id).toBe("second");
    expect(recordingOf(entry("customer", "x", { start_s: 3 }), [first])?.id).toBe("first");
    expect(recordingOf(entry("customer", "typed"), [first])).toBeNull();
  });

  it("tells which line is heard", () => {
    const lines = [entry("bot", "a", { start_s: 0 }), entry("customer", "b", { start_s: 4 }), entry("bot", "c", { start_s: 9 })];
    expect(lineAt(lines, 5)).toBe("b");
    expect(lineAt(lines, 60)).toBe("c");
    expect(lineAt(lines.slice(1), 1)).toBeNull();
  });
});
