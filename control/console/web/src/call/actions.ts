// Hold, resume and hang up: asked of the server, which answers with the call as it is.
import { useMutation } from "@tanstack/react-query";

import { api } from "../api/client";
import type { Call } from "../api/types";
import { withCall } from "../hub/reduce";
import { update } from "../hub/store";

export function useCallActions(call: Call) {
  const keep = ({ call: next }: { call: Call }) => {
    if (next?.id) update((desk) => withCall(desk, call.session_id, next));
  };
  const hold = useMutation({
    mutationFn: (on: boolean) => (on ? api.hold(call.id) : api.resume(call.id)),
    onSuccess: keep,
  });
  const hangUp = useMutation({ mutationFn: () => api.hangUp(call.id), onSuccess: keep });
  return { hold, hangUp, problem: hold.error ?? hangUp.error };
}
