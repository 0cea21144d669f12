// Accept and decline: the ring stops at once, the server decides.
import { api } from "../api/client";
import type { Offer, QueueItem, Taken } from "../api/types";
import { join } from "../call/control";
import { withItem } from "../hub/reduce";
import { update } from "../hub/store";
import { markAnswered } from "./use-ringing";

export async function accept(offer: Offer): Promise<QueueItem> {
  markAnswered(offer.offer_id, true);
  try {
    return enterCall(await api.accept(offer.offer_id));
  } catch (error) {
    if (isTransient(error)) markAnswered(offer.offer_id, false); // it may be tried again
    throw error;
  }
}

export async function decline(offer: Offer): Promise<void> {
  markAnswered(offer.offer_id, true);
  try {
    await api.decline(offer.offer_id);
  } catch (error) {
    if (isTransient(error)) markAnswered(offer.offer_id, false);
    throw error;
  }
}

export async function take(sessionId: string): Promise<QueueItem> {
  return enterCall(await api.take(sessionId));
}

function enterCall(taken: Taken): QueueItem {
  const { item, call, room } = taken;
  update((desk) => withItem(desk, item));
  if (call && call.state !== "ended") void join(item.session_id, call.id, room);
  return item;
}

function isTransient(error: unknown): boolean {
  const status = (error as { status?: number }).status ?? 0;
  return status === 0 || status === 429 || status >= 500;
}
