// Who is signed in, and the life of the hub's socket with it.
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import { api, ApiError, whenSignedOut } from "../api/client";
import type { Presence, QueueItem, Session } from "../api/types";
import { join, leave } from "../call/control";
import { liveCall } from "../call/store";
import { withAttendant, withOffers, withQueue } from "../hub/reduce";
import { HubSocket } from "../hub/socket";
import { isMine } from "../frame/lists";
import { clearDesk, hub, load, update } from "../hub/store";
import { queryClient } from "../shared/query";

export type SessionState =
  | { step: "checking" }
  | { step: "unreachable" }
  | { step: "out" }
  | { step: "password"; session: Session; current: string | null }
  | { step: "in"; session: Session };

export const session = createStore<SessionState>(() => ({ step: "checking" }));

export function useSession(): SessionState {
  return useStore(session);
}

/** The signed-in person's session; only below the frame, where there is one. */
export function useMe(): Session {
  const state = useStore(session);
  if (state.step !== "in") throw new Error("useMe outside a session");
  return state.session;
}

const LIVE_STATES: readonly string[] = ["connecting", "talking", "held"];

let socket: HubSocket | null = null;

export { isMine };

export function hasLiveCall(item: QueueItem): boolean {
  return LIVE_STATES.includes(item.call?.state ?? "");
}

export async function boot(): Promise<void> {
  whenSignedOut(() => signedOut());
  try {
    enter(await api.me(), null);
  } catch (error) {
    const refused = error instanceof ApiError && [401, 403].includes(error.status);
    session.setState(refused ? { step: "out" } : { step: "unreachable" }, true);
  }
}

/** @param password what was typed at the sign-in: a one-time password is changed with it, once. */
export function enter(me: Session, password: string | null): void {
  if (me.user.must_change_password) {
    session.setState({ step: "password", session: me, current: password }, true);
    return;
  }
  session.setState({ step: "in", session: me }, true);
  socket?.stop();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new HubSocket(`${scheme}://${location.host}/api/attendance/ws`, {
    resync: () => void resync(),
    refused: () => void api.me().catch(() => undefined), // a 401 signs out
  });
  socket.start();
}

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // the cookie may be gone already; here the session ends anyway
  signedOut();
}

export async function setPresence(status: Presence): Promise<void> {
  const state = session.getState();
  if (state.step !== "in") return;
  const answer = await api.setPresence(status);
  const { user } = state.session;
  update((desk) => {
    const known = Object.values(desk.attendants).find((one) => one.user_id === user.id);
    return withAttendant(desk, {
      attendant_id: known?.attendant_id ?? user.attendant_id ?? user.id,
      attendant_name: user.name,
      user_id: user.id,
      active_conversations: known?.active_conversations ?? 0,
      status: answer.status,
    });
  });
}

export function markRead(sessionId: string): void {
  socket?.send({ type: "read", session_id: sessionId });
}

function signedOut(): void {
  socket?.stop();
  socket = null;
  void leave();
  clearDesk();
  queryClient.clear();
  session.setState({ step: "out" }, true);
}

/** Fetch what the desk shows; on failure the queries' own retry and the next connection bring it. */
async function resync(): Promise<void> {
  await queryClient.invalidateQueries();
}

export const deskQuery = {
  queryKey: ["desk"],
  queryFn: async () => {
    const [queue] = await Promise.all([
      load(api.queue, (desk, { items }) => withQueue(desk, items)),
      load(api.offers, (desk, { items }) => withOffers(desk, items)),
      load(api.attendants, (desk, { items }) => items.reduce(withAttendant, desk)),
    ]);
    rejoin();
    return queue.items.length;
  },
};

/** After a reload in mid-call: take the call up again. */
function rejoin(): void {
  const state = session.getState();
  if (state.step !== "in" || liveCall.getState().call) return;
  const item = Object.values(hub.getState().desk.items).find((one) => isMine(one, state.session) && hasLiveCall(one));
  if (item?.call) void join(item.session_id, item.call.id, null);
}

// The call is over, or is another's now: leave the room.
hub.subscribe(({ desk }) => {
  const { call } = liveCall.getState();
  const state = session.getState();
  const item = call && desk.items[call.sessionId];
  if (!item || state.step !== "in") return;
  const over = item.call?.id === call.callId && item.call.state === "ended";
  const gone = ["resolved", "abandoned"].includes(item.status) || (!!item.assigned_to && !isMine(item, state.session));
  if (over || gone) void leave();
});
