// What the attendant does with the call: join, come back, mute, leave. One call at a time, in one tab at a time.
import { api, ApiError } from "../api/client";
import type { RoomGrant } from "../api/types";
import { hub } from "../hub/store";
import { deviceChoice, keepDeviceChoice, type DeviceChoice } from "./devices";
import type { RoomLink } from "./link";
import { liveCall, patchCall } from "./store";

const RETRY_MS = [500, 1500, 4000];

let link: RoomLink | null = null;
let release: (() => void) | null = null;

/** Load the media library before it is needed. */
export function warmUp(): void {
  void import("./link").catch(() => undefined); // the join itself tells what is wrong
}

/** Join the room of a call. Without a grant one is asked for (after a reload, or from another tab with `steal`). */
export async function join(sessionId: string, callId: string, grant: RoomGrant | null, steal = false): Promise<void> {
  if (liveCall.getState().call?.callId === callId && link) return;
  await leave();
  liveCall.setState({
    call: {
      sessionId,
      callId,
      phase: "joining",
      muted: false,
      micProblem: null,
      audioBlocked: false,
      quality: null,
    },
  });
  release = await onlyHere(callId, steal);
  if (!release) return patchCall(callId, { phase: "elsewhere" });
  await connect(callId, grant);
}

export async function leave(): Promise<void> {
  const was = link;
  link = null;
  release?.();
  release = null;
  liveCall.setState({ call: null });
  await was?.leave();
}

/** After a failure: try again from the start. */
export async function retry(): Promise<void> {
  const { call } = liveCall.getState();
  if (!call) return;
  const { sessionId, callId } = call;
  await leave();
  await join(sessionId, callId, null, true);
}

export async function setMuted(muted: boolean): Promise<void> {
  await link?.setMicrophone(!muted);
}

export async function startAudio(): Promise<void> {
  await link?.startAudio();
}

export async function applyDevices(choice: DeviceChoice): Promise<void> {
  keepDeviceChoice(choice);
  await link?.applyDevices(choice);
}

function present(callId: string): boolean {
  return liveCall.getState().call?.callId === callId;
}

async function connect(callId: string, grant: RoomGrant | null): Promise<void> {
  for (const wait of [...RETRY_MS, null]) {
    try {
      const given = grant ?? (await api.room(callId));
      grant = null; // a token serves once; the next try asks for a new one
      const { RoomLink } = await import("./link");
      if (!present(callId)) return;
      const next = new RoomLink(deviceChoice(), {
        change: (change) => link === next && patchCall(callId, change),
        closed: (ended) => link === next && void lost(callId, ended),
      });
      await link?.leave();
      link = next;
      await next.connect(given, liveCall.getState().call?.muted ?? false);
      return;
    } catch (error) {
      if (!present(callId)) return;
      if (error instanceof ApiError && [403, 404, 409, 410].includes(error.status)) return void (await leave());
      if (wait === null) break;
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (!present(callId)) return;
    }
  }
  patchCall(callId, { phase: "failed" });
}

/** The room went away: the call may have ended, or the rooms server restarts and the call goes on. */
async function lost(callId: string, ended: boolean): Promise<void> {
  const sessionId = liveCall.getState().call?.sessionId ?? "";
  const state = hub.getState().desk.items[sessionId]?.call?.state;
  if (ended && (state === undefined || state === "ended")) return leave();
  patchCall(callId, { phase: "reconnecting" });
  await connect(callId, null);
}

/** Hold the call in this tab only; null when another tab has it. A later tab may take it over. */
async function onlyHere(callId: string, steal: boolean): Promise<(() => void) | null> {
  if (!("locks" in navigator)) return () => undefined;
  return new Promise((resolve) => {
    let mine = false;
    const options = steal ? { steal: true } : { ifAvailable: true };
    navigator.locks
      .request(`attendance.call.${callId}`, options, (lock) => {
        if (!lock) return resolve(null);
        mine = true;
        return new Promise<void>((letGo) => resolve(letGo));
      })
      .catch(() => {
        if (mine && present(callId)) takenOver(callId);
      });
  });
}

function takenOver(callId: string): void {
  const was = link;
  link = null;
  release = null;
  patchCall(callId, { phase: "elsewhere" });
  void was?.leave();
}
