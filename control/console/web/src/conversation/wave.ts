// The waveform by wavesurfer.js, one lane a channel, on the player's own audio element. Loaded with the first player.
import WaveSurfer from "wavesurfer.js";

const LANE_PX = 22;

/** Draw into `place`; returns what takes it away. A file that can't be decoded leaves the lane empty: it still plays. */
export function drawWave(place: HTMLElement, media: HTMLMediaElement, url: string, channels: number): () => void {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const lane = { barWidth: 2, barGap: 1, barRadius: 2, height: LANE_PX };
  const [rest, customer, attendant] = ["--line-strong", "--text", "--accent"].map(colour);
  const surfer = WaveSurfer.create({
    container: place,
    media,
    url: new URL(url, location.href).href, // as the element has it: else the element is loaded anew
    ...lane,
    waveColor: rest ?? "gray",
    progressColor: attendant ?? "blue",
    cursorWidth: 1,
    cursorColor: customer ?? "black",
    normalize: true,
    dragToSeek: true,
    ...(channels === 2 && {
      splitChannels: [
        { ...lane, waveColor: rest ?? "gray", progressColor: customer ?? "black" },
        { ...lane, waveColor: rest ?? "gray", progressColor: attendant ?? "blue" },
      ],
    }),
  });
  surfer.on("error", () => undefined);
  return () => surfer.destroy();
}
