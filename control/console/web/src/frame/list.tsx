// The list: who waits, who is mine, all. What is read never moves: newcomers are offered by a counter.
import { ActionIcon, Button, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconInbox, IconSearch, IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearch } from "wouter";

import type { QueueItem } from "../api/types";
import { useDesk } from "../hub/store";
import { useMe } from "../session/session";
import { initials, phone, span } from "../shared/format";
import { useNow } from "../shared/hooks";
import { channelName, displayName } from "../shared/names";
import { counts, inTab, matches, sorted, type Tab } from "./lists";
import { PresenceMenu, useChangePresence, usePresence } from "./presence";
import { ItemState } from "./state";

export type { Tab } from "./lists";

const TABS: readonly Tab[] = ["queue", "mine", "all"];
const SCROLLED_PX = 40;

interface Props {
  tab: Tab;
  onTab: (tab: Tab) => void;
  open: string | null;
  loading: boolean;
  failed: boolean;
}

export function ConversationList({ tab, onTab, open, loading, failed }: Props) {
  const { t } = useTranslation();
  const me = useMe();
  const items = useDesk((desk) => desk.items);
  const [text, setText] = useState("");
  const [held, setHeld] = useState<ReadonlySet<string> | null>(null); // what was listed when the reader scrolled away
  const scroller = useRef<HTMLDivElement>(null);

  const all = useMemo(() => Object.values(items), [items]);
  const amounts = useMemo(() => counts(all, me), [all, me]);
  const listed = useMemo(
    () => sorted(all.filter((item) => inTab(item, tab, me) && matches(item, text, displayName(t, item))), tab),
    [all, tab, me, text, t],
  );
  const shown = held && tab === "all" ? listed.filter((item) => held.has(item.session_id)) : listed;
  const fresh = listed.length - shown.length;

  const onScroll = () => {
    const away = (scroller.current?.scrollTop ?? 0) > SCROLLED_PX;
    if (away && !held) setHeld(new Set(listed.map((item) => item.session_id)));
    if (!away && held) setHeld(null);
  };
  const toTop = () => {
    setHeld(null);
    scroller.current?.scrollTo({ top: 0 });
  };

  return (
    <section className="list" aria-label={t("list.title")}>
      <div className="list-head">
        <div className="tabs" role="tablist" aria-label={t("list.title")} onKeyDown={(event) => stepTab(event, tab, onTab)}>
          {TABS.map((one) => (
            <button
              key={one}
              type="button"
              role="tab"
              id={`tab-${one}`}
              aria-selected={one === tab}
              aria-controls="list-items"
              tabIndex={one === tab ? 0 : -1}
              onClick={() => onTab(one)}
              data-testid={`tab-${one}`}
            >
              {t(`list.${one}`)}
              {one !== "all" && amounts[one] > 0 && <span className="count figures">{amounts[one]}</span>}
            </button>
          ))}
        </div>
        <TextInput
          aria-label={t("list.search")}
          placeholder={t("list.search")}
          leftSection={<IconSearch size={16} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && setText("")}
          rightSection={
            text && (
              <ActionIcon variant="subtle" color="gray" size={24} aria-label={t("list.clearSearch")} onClick={() => setText("")}>
                <IconX size={14} />
              </ActionIcon>
            )
          }
          id="list-search"
        />
      </div>
      <div className="list-scroll" ref={scroller} onScroll={onScroll} role="tabpanel" id="list-items" aria-labelledby={`tab-${tab}`}>
        {fresh > 0 && (
          <button type="button" className="fresh" onClick={toTop}>
            {t("list.newItems", { count: fresh })}
          </button>
        )}
        {failed && !all.length ? (
          <Failed />
        ) : loading && !all.length ? (
          <Loading />
        ) : shown.length ? (
          <ul>
            {shown.map((item) => (
              <Row key={item.session_id} item={item} isOpen={item.session_id === open} />
            ))}
          </ul>
        ) : (
          <Empty tab={tab} text={text} />
        )}
      </div>
      <PresenceMenu />
    </section>
  );
}

function Row({ item, isOpen }: { item: QueueItem; isOpen: boolean }) {
  const { t } = useTranslation();
  const search = useSearch();
  const name = displayName(t, item);
  const number = item.user_phone ?? item.call?.from;
  const urgent = item.priority >= 2;
  return (
    <li>
      <Link
        href={`/c/${item.session_id}${search ? `?${search}` : ""}`}
        className="row"
        aria-current={isOpen ? "true" : undefined}
        data-status={item.status}
        data-session={item.session_id}
        data-testid="queue-item"
      >
        <span className="avatar" aria-hidden>
          {initials(name) || "#"}
        </span>
        <span className="row-main">
          <span className="row-top">
            <span className="row-name">{name}</span>
            <Ago item={item} />
          </span>
          <span className="row-said">{item.last_message ?? (number ? phone(number) : "")}</span>
          <span className="row-bottom">
            <ItemState item={item} />
            {urgent && (
              <span className="state" data-signal="danger">
                <IconAlertTriangle size={14} aria-hidden />
                {t(item.priority >= 3 ? "priority.urgent" : "priority.high")}
              </span>
            )}
            <span className="row-queue">{item.queue_name ?? channelName(t, item.channel)}</span>
          </span>
        </span>
      </Link>
    </li>
  );
}

function Ago({ item }: { item: QueueItem }) {
  const { i18n } = useTranslation();
  const now = useNow();
  const at = item.status === "waiting" ? (item.waiting_since ?? item.enqueued_at) : (item.last_message_time ?? item.enqueued_at);
  if (!at) return null;
  return (
    <time className="meta" dateTime={at}>
      {span((now - Date.parse(at)) / 1000, i18n.language)}
    </time>
  );
}

function Empty({ tab, text }: { tab: Tab; text: string }) {
  const { t } = useTranslation();
  const online = usePresence() === "online";
  const change = useChangePresence();
  if (text) return <p className="list-empty meta">{t("list.emptySearch", { text })}</p>;
  const name = tab === "queue" ? "Queue" : tab === "mine" ? "Mine" : "All";
  return (
    <div className="list-empty">
      <IconInbox size={24} stroke={1.5} aria-hidden />
      <strong>{t(`list.empty${name}`)}</strong>
      <p className="meta">{t(`list.empty${name}Hint`)}</p>
      {!online && tab !== "all" && (
        <Button className="narrow-only" variant="light" size="xs" onClick={() => change.mutate("online")} loading={change.isPending}>
          {t("list.goOnline")}
        </Button>
      )}
    </div>
  );
}

function Failed() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <div className="list-empty" role="alert">
      <p>{t("list.failed")}</p>
      <Button variant="default" size="xs" onClick={() => void client.invalidateQueries({ queryKey: ["desk"] })}>
        {t("common.retry")}
      </Button>
    </div>
  );
}

function Loading() {
  const { t } = useTranslation();
  return (
    <div className="late" role="status" aria-label={t("common.loading")}>
      {[0, 1, 2, 3].map((row) => (
        <div key={row} className="row skeleton-row" aria-hidden>
          <span className="skeleton avatar" />
          <span className="row-main">
            <span className="skeleton line-60" />
            <span className="skeleton line-90" />
          </span>
        </div>
      ))}
    </div>
  );
}

function stepTab(event: KeyboardEvent, tab: Tab, onTab: (tab: Tab) => void): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (!step) return;
  const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? "queue";
  onTab(next);
  document.getElementById(`tab-${next}`)?.focus();
}
