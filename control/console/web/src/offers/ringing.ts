// Which offer rings now: pure, so that "stops everywhere when settled" can be tested.
import type { Offer } from "../api/types";

export interface Ringing {
  /** The offer to show: the one that ends first. */
  offer: Offer | null;
  more: number;
  /** loud: nobody is on the line; discreet: the attendant is talking; silent: nothing rings. */
  tone: "loud" | "discreet" | "silent";
}

/** @param answered offers that this tab already accepted or declined, which stop ringing before the server says so. */
export function ringing(
  offers: readonly Offer[],
  nowMs: number,
  skewMs: number,
  answered: ReadonlySet<string>,
  inCall: boolean,
): Ringing {
  const open = offers
    .filter((offer) => !answered.has(offer.offer_id) && remainingS(offer, nowMs, skewMs) > 0)
    .sort((a, b) => Date.parse(a.expires_at) - Date.parse(b.expires_at));
  const offer = open[0] ?? null;
  return { offer, more: Math.max(0, open.length - 1), tone: !offer ? "silent" : inCall ? "discreet" : "loud" };
}

/** Seconds left to answer, on the server's clock; never negative. */
export function remainingS(offer: Offer, nowMs: number, skewMs: number): number {
  return Math.max(0, (Date.parse(offer.expires_at) - (nowMs + skewMs)) / 1000);
}
