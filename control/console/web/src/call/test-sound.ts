// One soft chord on the chosen speaker.
type Sinkable = AudioContext & { setSinkId?: (id: string) => Promise<void> };

export async function playTestSound(speaker: string | undefined): Promise<void> {
  const context: Sinkable = new AudioContext();
  if (speaker) await context.setSinkId?.(speaker).catch(() => undefined); // unplugged meanwhile: the default plays
  const end = context.currentTime + 1.2;
  for (const hz of [392, 493.88, 587.33]) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = hz;
    gain.gain.setValueAtTime(0, context.currentTime);
    gain.gain.linearRampToValueAtTime(0.12, context.currentTime + 0.05);
    gain.gain.exponentialRampToValueAtTime(0.001, end);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start();
    oscillator.stop(end);
  }
  setTimeout(() => void context.close(), 1500);
}
