// How good the line is, from WebRTC's own statistics: no wish of the server is needed.

/** Running totals of one measurement. */
export interface Sample {
  lost: number;
  received: number;
}

/** @param stats the reports of the local and remote audio tracks, flattened. */
export function qualityOf(
  stats: readonly Record<string, unknown>[],
  last: Sample | null,
): { sample: Sample; quality: 1 | 2 | 3 | null } {
  let [rttS, lossUp]: [number | null, number] = [null, 0];
  const sample: Sample = { lost: 0, received: 0 };
  for (const stat of stats) {
    if (stat["type"] === "remote-inbound-rtp") {
      rttS = larger(rttS, stat["roundTripTime"]);
      lossUp = Math.max(lossUp, number(stat["fractionLost"]));
    } else if (stat["type"] === "candidate-pair" && stat["nominated"]) {
      rttS = larger(rttS, stat["currentRoundTripTime"]);
    } else if (stat["type"] === "inbound-rtp") {
      sample.lost += number(stat["packetsLost"]);
      sample.received += number(stat["packetsReceived"]);
    }
  }
  const lost = Math.max(0, sample.lost - (last?.lost ?? 0));
  const received = Math.max(0, sample.received - (last?.received ?? 0));
  const loss = Math.max(lossUp, lost / Math.max(1, lost + received));
  if (rttS === null) return { sample, quality: null };
  return { sample, quality: rttS < 0.25 && loss < 0.02 ? 3 : rttS < 0.5 && loss < 0.07 ? 2 : 1 };
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function larger(known: number | null, value: unknown): number | null {
  return typeof value === "number" ? Math.max(known ?? 0, value) : known;
}
