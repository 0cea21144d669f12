// What rings now, for the panel, the title and the shortcuts; and the answers given in this tab.
import { useMemo } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import { useLiveCall } from "../call/store";
import { hub, useDesk } from "../hub/store";
import { useNow } from "../shared/hooks";
import { type Ringing, ringing } from "./ringing";

export const answered = createStore<{ offers: ReadonlySet<string> }>(() => ({ offers: new Set() }));

export function markAnswered(offerId: string, isAnswered: boolean): void {
  answered.setState(({ offers }) => {
    const next = new Set(offers);
    if (isAnswered) next.add(offerId);
    else next.delete(offerId);
    return { offers: next };
  });
}

export function useRinging(): Ringing {
  const offers = useDesk((desk) => desk.offers);
  const skewMs = useStore(hub, (state) => state.skewMs);
  const done = useStore(answered, (state) => state.offers);
  const inCall = useLiveCall() !== null;
  const now = useNow(500);
  return useMemo(
    () => ringing(Object.values(offers), now, skewMs, done, inCall),
    [offers, now, skewMs, done, inCall],
  );
}
