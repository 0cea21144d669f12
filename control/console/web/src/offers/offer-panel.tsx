// What rings: the loudest thing on the screen, and only then. Stops at once when anybody settles the offer.
import { Button } from "@mantine/core";
import { IconBellOff, IconPhone, IconPhoneOff } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { useLocation } from "wouter";

import { ApiError } from "../api/client";
import type { Offer } from "../api/types";
import { warmUp } from "../call/control";
import { hub } from "../hub/store";
import { announce } from "../shared/announce";
import { phone, span } from "../shared/format";
import { useNow } from "../shared/hooks";
import { channelName, displayName } from "../shared/names";
import { problemText } from "../shared/problem";
import { accept, decline } from "./answer";
import { notify, unnotify } from "./notify";
import { ringer } from "./ringer";
import { remainingS } from "./ringing";
import { useRinging } from "./use-ringing";

const PROBLEM_SHOWN_MS = 6000;

export function OfferPanel() {
  const { t } = useTranslation();
  const [, go] = useLocation();
  const { offer, more, tone } = useRinging();
  const [problem, setProblem] = useState<string | null>(null);
  const fail = (error: unknown) =>
    setProblem(
      error instanceof ApiError && [404, 409, 410].includes(error.status) ? t("offer.lost") : problemText(t, error),
    );
  const accepting = useMutation({
    mutationFn: accept,
    onSuccess: (item) => {
      announce(t("offer.accepted"));
      go(`/c/${item.session_id}?list=mine`);
    },
    onError: fail,
  });
  const declining = useMutation({ mutationFn: decline, onError: fail });

  useEffect(() => {
    if (tone === "silent") return;
    ringer.start(tone);
    return () => ringer.stop();
  }, [tone]);

  const offerId = offer?.offer_id;
  const name = offer ? displayName(t, offer.item) : "";
  useEffect(() => {
    if (!offerId) return;
    warmUp();
    setProblem(null);
    announce(t("offer.announce", { name }), "assertive");
    notify(t("offer.calling", { name }), t("offer.title"), () => undefined);
    return unnotify;
  }, [offerId, name, t]);

  useEffect(() => {
    if (!problem) return;
    const timer = setTimeout(() => setProblem(null), PROBLEM_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [problem]);

  if (!offer)
    return problem ? (
      <div className="offer offer-problem" role="alert">
        {problem}
      </div>
    ) : null;
  return (
    <section className="offer" aria-label={t("offer.region")} data-testid="offer" data-offer={offer.offer_id}>
      <OfferBody offer={offer} more={more} />
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="offer-actions">
        <Button
          variant="default"
          size="md"
          leftSection={<IconPhoneOff size={18} />}
          onClick={() => declining.mutate(offer)}
          aria-keyshortcuts="Alt+R"
          data-testid="offer-decline"
        >
          {t("offer.decline")}
        </Button>
        <Button
          color="success"
          size="md"
          leftSection={<IconPhone size={18} />}
          onClick={() => accepting.mutate(offer)}
          aria-keyshortcuts="Alt+A"
          data-testid="offer-accept"
        >
          {t("offer.accept")}
        </Button>
      </div>
    </section>
  );
}

function OfferBody({ offer, more }: { offer: Offer; more: number }) {
  const { t, i18n } = useTranslation();
  const now = useNow(500);
  const skewMs = useStore(hub, (state) => state.skewMs);
  const { item } = offer;
  const left = remainingS(offer, now, skewMs);
  const whole = useRef({ offerId: offer.offer_id, s: Math.max(left, 1) });
  if (whole.current.offerId !== offer.offer_id) whole.current = { offerId: offer.offer_id, s: Math.max(left, 1) };
  const since = item.waiting_since ?? item.enqueued_at;
  const waited = since ? (now + skewMs - Date.parse(since)) / 1000 : item.waiting_time_seconds;
  const number = item.user_phone ?? item.call?.from;
  const name = displayName(t, item);
  return (
    <>
      <div className="offer-head">
        <span className="offer-icon" aria-hidden>
          <IconPhone size={22} />
        </span>
        <div className="grow">
          <p className="meta">{t("offer.title")}</p>
          <p className="offer-name">{name}</p>
        </div>
        <Countdown leftS={left} wholeS={whole.current.s} label={t("offer.secondsLeft", { count: Math.ceil(left) })} />
      </div>
      <p className="offer-facts">
        {number && phone(number) !== name && <span className="figures">{phone(number)}</span>}
        <span>{item.queue_name ?? channelName(t, item.channel)}</span>
        <span className="figures">{t("offer.waiting", { time: span(waited, i18n.language) })}</span>
        {more > 0 && <span>{t("offer.more", { count: more })}</span>}
      </p>
      {item.last_message && (
        <blockquote className="offer-said">
          <span className="sr-only">{t("offer.said")}: </span>
          {item.last_message}
        </blockquote>
      )}
      {ringer.blocked && (
        <p className="meta with-icon">
          <IconBellOff size={16} aria-hidden /> {t("offer.silent")}
        </p>
      )}
    </>
  );
}

function Countdown({ leftS, wholeS, label }: { leftS: number; wholeS: number; label: string }) {
  const round = 2 * Math.PI * 17;
  return (
    <span className="countdown figures" title={label}>
      <svg viewBox="0 0 40 40" width={40} height={40} aria-hidden>
        <circle cx={20} cy={20} r={17} />
        <circle
          cx={20}
          cy={20}
          r={17}
          className="countdown-left"
          strokeDasharray={round}
          strokeDashoffset={round * (1 - Math.min(1, leftS / wholeS))}
        />
      </svg>
      <span aria-hidden>{Math.ceil(leftS)}</span>
      <span className="sr-only">{label}</span>
    </span>
  );
}
