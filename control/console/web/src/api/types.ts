// The shapes of the HTTP and WebSocket API that the console consumes, in one place.

export type Presence = "online" | "busy" | "away" | "offline";
export const PRESENCES: readonly Presence[] = ["online", "busy", "away", "offline"];

export type ItemStatus = "bot" | "waiting" | "assigned" | "active" | "pending" | "resolved" | "abandoned";
export type CallState = "bot" | "queued" | "connecting" | "talking" | "held" | "ended";
export type Author = "customer" | "bot" | "attendant" | "system";

export interface User {
  id: string;
  name: string;
  email: string;
  role: string;
  attendant_id: string | null;
  must_change_password: boolean;
}

export interface Session {
  user: User;
  organisation: { id: string; name: string };
  csrf: string;
}

export interface Call {
  id: string;
  session_id: string;
  state: CallState;
  direction: "inbound" | "outbound";
  from: string | null;
  to: string | null;
  started_at: string;
  answered_at: string | null;
  ended_at: string | null;
  cause: string | null;
}

export interface QueueItem {
  session_id: string;
  user_id: string | null;
  bot_id: string | null;
  channel: string;
  user_name: string | null;
  user_email?: string | null;
  user_phone?: string | null;
  last_message: string | null;
  last_message_time: string | null;
  waiting_time_seconds: number;
  priority: number;
  status: ItemStatus;
  assigned_to?: string | null;
  assigned_to_name?: string | null;
  queue_id?: string | null;
  queue_name?: string | null;
  contact_id?: string | null;
  waiting_since?: string | null;
  enqueued_at?: string | null;
  created_at?: string;
  reason?: string | null; // why the bot handed over
  call: Call | null;
}

export interface Offer {
  offer_id: string;
  session_id: string;
  expires_at: string;
  item: QueueItem;
}

export interface Entry {
  id: string;
  seq: number;
  at: string;
  kind: "message" | "note" | "event";
  author: Author;
  author_name: string | null;
  text: string;
  via: "voice" | "text" | "dtmf" | "system";
  start_s: number | null; // on the call's timeline
  end_s: number | null;
}

export interface Recording {
  id: string;
  call_id?: string;
  seconds: number;
  channels: number;
  url: string;
  size: number;
  created_at: string;
}

export interface Ticket {
  number: number;
  display: string; // "#TIC-001"
  status?: string;
  wrap_up_code?: string | null;
  wrap_up_label?: string | null;
  notes?: string | null;
}

export interface Contact {
  id?: string;
  customer_id?: string | null;
  name?: string | null;
  email?: string | null;
  phone?: string | null;
  tier?: string | null;
  ltv?: number | string | null; // in BRL
  last_purchase?: string | null;
  tags?: string[] | string | null;
  customer_since?: string | null;
}

export interface Conversation {
  item: QueueItem;
  contact: Contact | null;
  timeline: Entry[];
  call: Call | null;
  ticket: Ticket | null;
  recordings: Recording[];
  context: Record<string, unknown> | null;
}

export interface Attendant {
  attendant_id: string;
  attendant_name: string;
  user_id: string;
  status: Presence;
  active_conversations: number;
}

export interface RoomGrant {
  url: string;
  token: string;
  room: string;
}

export interface Taken {
  item: QueueItem;
  call: Call | null;
  room: RoomGrant | null;
}

export interface Resolved {
  success: boolean;
  session_id: string;
  resolved_at: string;
  ticket: Ticket;
}

export interface WrapUpCode {
  code: string;
  label: string;
  requires_notes: boolean;
}

export interface Partial {
  session_id: string;
  speaker: Author;
  speaker_name: string | null;
  text: string;
}

interface Sequenced {
  seq: number;
  timestamp: string;
}

/** What the hub tells; every kind with `seq` is replayed after a reconnect. */
export type HubEvent = Sequenced &
  (
    | { type: "new_conversation"; session_id: string; item: QueueItem }
    | { type: "queue_update"; session_id: string; item: QueueItem }
    | ({ type: "offer" } & Offer)
    | {
        type: "offer_settled";
        offer_id: string;
        session_id: string;
        outcome: "accepted" | "declined" | "expired" | "withdrawn";
      }
    | { type: "new_message"; session_id: string; entry: Entry }
    | { type: "call_update"; session_id: string; call: Call }
    | { type: "ticket_update"; session_id: string; ticket: Ticket }
    | { type: "attendant_update"; attendant: Attendant }
    | { type: "recording_ready"; session_id: string; recording: Recording }
    | { type: "conversation_closed"; session_id: string }
  );

export type HubMessage =
  | HubEvent
  | ({ type: "connected"; attendant_id: string | null; message: string } & Sequenced)
  | ({ type: "reset" } & Sequenced)
  | ({ type: "partial" } & Partial)
  | { type: "pong" };
