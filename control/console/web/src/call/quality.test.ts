import { describe, expect, it } from "vitest";

import { qualityOf } from "./quality";

const up = (rtt: number, fractionLost = 0) => ({ type: "remote-inbound-rtp", roundTripTime: rtt, fractionLost });
const down = (packetsLost: number, packetsReceived: number) => ({ type: "inbound-rtp", packetsLost, packetsReceived });

describe("the quality of the line", () => {
  it("is unknown until a round trip was measured", () => {
    expect(qualityOf([down(0, 50)], null).quality).toBeNull();
  });
  it("is good, fair or poor by delay and loss, whichever way is worse", () => {
    expect(qualityOf([up(0.04), down(0, 100)], null).quality).toBe(3);
    expect(qualityOf([up(0.3), down(0, 100)], null).quality).toBe(2);
    expect(qualityOf([up(0.04, 0.2), down(0, 100)], null).quality).toBe(1);
  });
  it("judges the last seconds, not the whole call", () => {
    const bad = qualityOf([up(0.04), down(50, 100)], null);
    expect(bad.quality).toBe(1);
    expect(qualityOf([up(0.04), down(50, 300)], bad.sample).quality).toBe(3);
  });
});
