// The ring: two soft rising tones from WebAudio every few seconds, no file to load. Calm, and quieter in mid-call.

const EVERY_MS = 2600;
const NOTES = [
  { hz: 587.33, at: 0, s: 0.5 },
  { hz: 880.0, at: 0.22, s: 0.7 },
] as const;

export class Ringer {
  private context: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private out: GainNode | null = null;

  constructor(private readonly makeContext: () => AudioContext = () => new AudioContext()) {}

  get active(): boolean {
    return this.timer !== undefined;
  }

  /** True when the browser lets no sound out before the person touches the page. */
  get blocked(): boolean {
    return this.active && this.context?.state === "suspended";
  }

  /** Ring until stop(); a second call changes nothing but the loudness. */
  start(tone: "loud" | "discreet"): void {
    const volume = tone === "loud" ? 0.32 : 0.07;
    if (this.active) {
      if (this.out) this.out.gain.value = volume;
      return;
    }
    const context = (this.context ??= this.makeContext());
    void context.resume().catch(() => undefined); // refused until a gesture: `blocked` says so
    this.out = context.createGain();
    this.out.gain.value = volume;
    this.out.connect(context.destination);
    this.strike();
    this.timer = setInterval(() => this.strike(), EVERY_MS);
  }

  /** Silence at once, also what is still fading out. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.out?.disconnect();
    this.out = null;
  }

  /** To be called in a gesture, so that later rings are heard. */
  unlock(): void {
    this.context ??= this.makeContext();
    void this.context.resume().catch(() => undefined);
  }

  private strike(): void {
    const { context, out } = this;
    if (!context || !out || context.state !== "running") return;
    for (const note of NOTES) {
      const start = context.currentTime + note.at;
      for (const [multiple, share] of [
        [1, 1],
        [2, 0.18],
      ] as const) {
        const oscillator = context.createOscillator();
        const envelope = context.createGain();
        oscillator.type = "sine";
        oscillator.frequency.value = note.hz * multiple;
        envelope.gain.setValueAtTime(0, start);
        envelope.gain.linearRampToValueAtTime(share, start + 0.03);
        envelope.gain.exponentialRampToValueAtTime(0.001, start + note.s);
        oscillator.connect(envelope).connect(out);
        oscillator.start(start);
        oscillator.stop(start + note.s);
      }
    }
  }
}

export const ringer = new Ringer();
