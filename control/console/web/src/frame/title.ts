// The tab's title and the app badge: who calls, else how many wait.
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useDesk } from "../hub/store";
import { useRinging } from "../offers/use-ringing";
import { displayName } from "../shared/names";

interface Badging {
  setAppBadge?: (count: number) => Promise<void>;
  clearAppBadge?: () => Promise<void>;
}

export function useTitle(): void {
  const { t } = useTranslation();
  const waiting = useDesk((desk) => Object.values(desk.items).filter((item) => item.status === "waiting").length);
  const { offer } = useRinging();
  const name = offer && displayName(t, offer.item);
  useEffect(() => {
    const app = t("app.name");
    document.title = name
      ? `☎ ${t("offer.calling", { name })}`
      : waiting
        ? `(${waiting}) ${app}`
        : app;
    const badge = navigator as Badging;
    const count = waiting + (name ? 1 : 0);
    void (count ? badge.setAppBadge?.(count) : badge.clearAppBadge?.())?.catch(() => undefined);
  }, [t, name, waiting]);
}
