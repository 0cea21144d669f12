import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Offer } from "../api/types";
import { Ringer } from "./ringer";
import { remainingS, ringing } from "./ringing";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const offer = (id: string, endsInS: number): Offer => ({
  offer_id: id,
  session_id: `session-${id}`,
  expires_at: new Date(NOW + endsInS * 1000).toISOString(),
  item: {} as Offer["item"],
});
const none: ReadonlySet<string> = new Set();

describe("what rings", () => {
  it("is the offer that ends first; the others are counted", () => {
    const rings = ringing([offer("late", 20), offer("soon", 5)], NOW, 0, none, false);
    expect(rings.offer?.offer_id).toBe("soon");
    expect(rings.more).toBe(1);
    expect(rings.tone).toBe("loud");
  });

  it("stops when its time is over, by the server's clock", () => {
    const mineIsSlow = 6000; // ms that this machine is behind
    expect(ringing([offer("o", 5)], NOW, 0, none, false).tone).toBe("loud");
    expect(ringing([offer("o", 5)], NOW, mineIsSlow, none, false).tone).toBe("silent");
    expect(remainingS(offer("o", 5), NOW, mineIsSlow)).toBe(0);
  });

  it("stops at once when answered here, before the server says so", () => {
    expect(ringing([offer("o", 5)], NOW, 0, new Set(["o"]), false)).toEqual({ offer: null, more: 0, tone: "silent" });
  });

  it("is discreet while one is talking", () => {
    expect(ringing([offer("o", 5)], NOW, 0, none, true).tone).toBe("discreet");
  });
});

describe("the ringer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function fakeAudio(state: AudioContextState = "running") {
    const made = { tones: 0, disconnected: 0 };
    const parameter = { value: 0, setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} };
    const node = () => ({
      gain: parameter,
      frequency: parameter,
      connect: (next: unknown) => next,
      disconnect: () => (made.disconnected += 1),
      start: () => (made.tones += 1),
      stop: () => undefined,
    });
    const context = { state, currentTime: 0, resume: async () => undefined, createGain: node, createOscillator: node };
    return { made, ringer: new Ringer(() => context as unknown as AudioContext) };
  }

  it("rings again and again, and is silent the moment it is stopped", () => {
    const { made, ringer } = fakeAudio();
    ringer.start("loud");
    const once = made.tones;
    vi.advanceTimersByTime(6000);
    expect(made.tones).toBeGreaterThan(once);
    ringer.stop();
    const after = made.tones;
    vi.advanceTimersByTime(60_000);
    expect(made.tones).toBe(after);
    expect(made.disconnected).toBe(1); // what was fading out is cut too
    expect(ringer.active).toBe(false);
  });

  it("does not ring twice when started twice", () => {
    const { made, ringer } = fakeAudio();
    ringer.start("loud");
    const once = made.tones;
    ringer.start("discreet");
    expect(made.tones).toBe(once);
  });

  it("says that the browser holds the sound back", () => {
    const { made, ringer } = fakeAudio("suspended");
    ringer.start("loud");
    expect(ringer.blocked).toBe(true);
    expect(made.tones).toBe(0);
  });
});
