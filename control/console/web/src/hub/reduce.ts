// The desk: what the console knows of the server, and how one event changes it. Pure, so that replay can be tested.
import type {
  Attendant,
  Call,
  Conversation,
  Entry,
  HubEvent,
  Offer,
  Partial,
  QueueItem,
  Recording,
} from "../api/types";

export interface Desk {
  /** The last event that was applied; what a reconnect names. null: no connection was made yet. */
  seq: number | null;
  items: Readonly<Record<string, QueueItem>>;
  /** Conversations that were opened; kept current by events. */
  conversations: Readonly<Record<string, Conversation>>;
  offers: Readonly<Record<string, Offer>>;
  attendants: Readonly<Record<string, Attendant>>;
  /** What a speaker is saying now: session → speaker → words so far. */
  partials: Readonly<Record<string, Readonly<Record<string, Partial>>>>;
}

export const EMPTY_DESK: Desk = {
  seq: null,
  items: {},
  conversations: {},
  offers: {},
  attendants: {},
  partials: {},
};

/** Apply one event in the server's order. An event that was already seen changes nothing. */
export function applyEvent(desk: Desk, event: HubEvent): Desk {
  if (desk.seq !== null && event.seq <= desk.seq) return desk;
  return { ...change(desk, event), seq: event.seq };
}

/** The event's effect alone, without the sequence check: also used to redo events over a fresh snapshot. */
export function change(desk: Desk, event: HubEvent): Desk {
  switch (event.type) {
    case "new_conversation":
    case "queue_update":
      return event.item ? withItem(desk, event.item) : desk;
    case "offer": {
      const { offer_id, session_id, expires_at, item } = event;
      const offers = { ...desk.offers, [offer_id]: { offer_id, session_id, expires_at, item } };
      return withItem({ ...desk, offers }, item);
    }
    case "offer_settled":
      return { ...desk, offers: without(desk.offers, event.offer_id) };
    case "new_message":
      return withEntry(desk, event.session_id, event.entry);
    case "call_update":
      return withCall(desk, event.session_id, event.call);
    case "ticket_update":
      return inConversation(desk, event.session_id, (was) => ({ ...was, ticket: event.ticket }));
    case "recording_ready":
      return inConversation(desk, event.session_id, (was) => ({
        ...was,
        recordings: withRecording(was.recordings, event.recording),
      }));
    case "attendant_update":
      return withAttendant(desk, event.attendant);
    case "conversation_closed":
      return closed(desk, event.session_id);
    default:
      return desk; // a newer server's event: the sequence moves on, the rest stays
  }
}

export function withItem(desk: Desk, item: QueueItem): Desk {
  const items = { ...desk.items, [item.session_id]: item };
  const next = inConversation({ ...desk, items }, item.session_id, (was) => ({
    ...was,
    item,
    call: item.call ?? was.call,
  }));
  return item.call?.state === "ended" ? { ...next, partials: without(next.partials, item.session_id) } : next;
}

export function withAttendant(desk: Desk, attendant: Attendant): Desk {
  return { ...desk, attendants: { ...desk.attendants, [attendant.attendant_id]: attendant } };
}

export function withPartial(desk: Desk, partial: Partial): Desk {
  const speakers = { ...desk.partials[partial.session_id] };
  if (partial.text.trim()) speakers[partial.speaker] = partial;
  else delete speakers[partial.speaker];
  return { ...desk, partials: { ...desk.partials, [partial.session_id]: speakers } };
}

export function withEntry(desk: Desk, sessionId: string, entry: Entry): Desk {
  let next = inConversation(desk, sessionId, (was) => ({ ...was, timeline: merged(was.timeline, [entry]) }));
  const item = next.items[sessionId];
  if (item && entry.kind === "message")
    next = {
      ...next,
      items: {
        ...next.items,
        [sessionId]: { ...item, last_message: entry.text, last_message_time: entry.at },
      },
    };
  const speakers = next.partials[sessionId];
  if (entry.kind === "message" && speakers?.[entry.author]) {
    const quiet = without(speakers, entry.author); // the final line replaces what was being said
    next = { ...next, partials: { ...next.partials, [sessionId]: quiet } };
  }
  return next;
}

export function withCall(desk: Desk, sessionId: string, call: Call): Desk {
  const item = desk.items[sessionId];
  let next = item ? { ...desk, items: { ...desk.items, [sessionId]: { ...item, call } } } : desk;
  next = inConversation(next, sessionId, (was) => ({ ...was, call, item: { ...was.item, call } }));
  return call.state === "ended" ? { ...next, partials: without(next.partials, sessionId) } : next;
}

export function withConversation(desk: Desk, sessionId: string, fetched: Conversation): Desk {
  const known = desk.conversations[sessionId];
  const conversation = known
    ? { ...fetched, timeline: merged(known.timeline, fetched.timeline) }
    : { ...fetched, timeline: merged([], fetched.timeline) };
  return {
    ...desk,
    conversations: { ...desk.conversations, [sessionId]: conversation },
    items: { ...desk.items, [sessionId]: fetched.item },
  };
}

export function withQueue(desk: Desk, items: readonly QueueItem[]): Desk {
  return { ...desk, items: Object.fromEntries(items.map((item) => [item.session_id, item])) };
}

export function withOffers(desk: Desk, offers: readonly Offer[]): Desk {
  return { ...desk, offers: Object.fromEntries(offers.map((offer) => [offer.offer_id, offer])) };
}

/** Entries of both, each once, in the order of the conversation. */
export function merged(known: readonly Entry[], more: readonly Entry[]): Entry[] {
  const byId = new Map(known.map((entry) => [entry.id, entry]));
  for (const entry of more) byId.set(entry.id, entry);
  return [...byId.values()].sort((a, b) => a.seq - b.seq || a.at.localeCompare(b.at));
}

function closed(desk: Desk, sessionId: string): Desk {
  const item = desk.items[sessionId];
  const offers = Object.fromEntries(Object.entries(desk.offers).filter(([, o]) => o.session_id !== sessionId));
  const open = item && item.status !== "resolved" && item.status !== "abandoned";
  const next = { ...desk, offers, partials: without(desk.partials, sessionId) };
  return open ? withItem(next, { ...item, status: "resolved" }) : next;
}

function withRecording(known: readonly Recording[], recording: Recording): Recording[] {
  return [...known.filter((one) => one.id !== recording.id), recording];
}

function inConversation(desk: Desk, sessionId: string, edit: (was: Conversation) => Conversation): Desk {
  const was = desk.conversations[sessionId];
  return was ? { ...desk, conversations: { ...desk.conversations, [sessionId]: edit(was) } } : desk;
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  const rest = { ...record };
  delete rest[key];
  return rest;
}
