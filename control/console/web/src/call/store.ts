// The call that this browser is in: lives above the router, so nothing that is navigated ends it.
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

export type MicProblem = "denied" | "missing" | "busy";

export interface LiveCall {
  sessionId: string;
  callId: string;
  /** elsewhere: another tab holds the call; failed: the room can't be reached. */
  phase: "joining" | "connected" | "reconnecting" | "failed" | "elsewhere";
  muted: boolean;
  micProblem: MicProblem | null;
  /** The browser lets no sound out before a click: offer "back to the call". */
  audioBlocked: boolean;
  /** 1 poor, 2 fair, 3 good; null until measured. */
  quality: 1 | 2 | 3 | null;
}

export const liveCall = createStore<{ call: LiveCall | null }>(() => ({ call: null }));

export function useLiveCall(): LiveCall | null {
  return useStore(liveCall, (state) => state.call);
}

/** Change the present call; nothing when it is already another one. */
export function patchCall(callId: string, change: globalThis.Partial<LiveCall>): void {
  liveCall.setState(({ call }) => (call?.callId === callId ? { call: { ...call, ...change } } : { call }));
}
