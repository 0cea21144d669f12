// One conversation: who, in what state, what was said; the call's panel docked below; the contact beside.
import "./conversation.css";

import { ActionIcon, Button, Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowLeft, IconCheck, IconLayoutSidebarRight, IconPhone, IconTicket } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearch, useLocation } from "wouter";

import { api, ApiError } from "../api/client";
import type { Conversation } from "../api/types";
import { CallPanel } from "../call/call-panel";
import { join } from "../call/control";
import { useLiveCall } from "../call/store";
import { withConversation } from "../hub/reduce";
import { load, useDesk } from "../hub/store";
import { ItemState } from "../frame/state";
import { take } from "../offers/answer";
import { hasLiveCall, isMine, markRead, useMe } from "../session/session";
import { phone } from "../shared/format";
import { channelName, displayName } from "../shared/names";
import { problemText } from "../shared/problem";
import { Context } from "./context";
import { NoteComposer } from "./note";
import { ResolveDialog } from "./resolve";
import { Timeline } from "./timeline";
import { humanPart } from "./timeline-parts";

export function ConversationPane({ sessionId }: { sessionId: string }) {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ["conversation", sessionId],
    queryFn: () => load(() => api.conversation(sessionId), (desk, got) => withConversation(desk, sessionId, got)),
    select: () => true,
  });
  const conversation = useDesk((desk) => desk.conversations[sessionId]);
  useEffect(() => markRead(sessionId), [sessionId]);
  if (conversation) return <Loaded sessionId={sessionId} conversation={conversation} />;
  if (query.isError) {
    const missing = query.error instanceof ApiError && [403, 404].includes(query.error.status);
    return (
      <div className="center" role="alert">
        <p>{missing ? t("conversation.missing") : t("conversation.failed")}</p>
        {!missing && <Button onClick={() => void query.refetch()}>{t("common.retry")}</Button>}
      </div>
    );
  }
  return <div className="late center" role="status" aria-label={t("common.loading")} />;
}

function Loaded({ sessionId, conversation }: { sessionId: string; conversation: Conversation }) {
  const me = useMe();
  const live = useLiveCall();
  const [details, setDetails] = useState(false);
  const wide = useMediaQuery("(min-width: 1280px)", window.innerWidth >= 1280, { getInitialValueInEffect: false });
  const item = useDesk((desk) => desk.items[sessionId]) ?? conversation.item;
  const here = live?.sessionId === sessionId ? live : null;
  const { t } = useTranslation();
  const parts = here ? humanPart(conversation.timeline) : { before: conversation.timeline, during: [] };
  const current = { ...conversation, item };
  return (
    <div className="conversation" data-call={here ? "live" : "none"}>
      <div className="thread">
        <Header conversation={current} inCall={here !== null} onDetails={wide ? null : () => setDetails(true)} />
        <Timeline entries={parts.before} recordings={conversation.recordings} item={item} conversation={current} />
        {here && conversation.call && <CallPanel live={here} call={conversation.call} item={item} lines={parts.during} />}
        {(isMine(item, me) || conversation.timeline.length > 0) && <NoteComposer sessionId={sessionId} />}
      </div>
      {wide ? (
        <aside className="context" aria-label={t("contact.title")}>
          <Context conversation={current} />
        </aside>
      ) : (
        <Drawer
          opened={details}
          onClose={() => setDetails(false)}
          position="right"
          size={340}
          title={t("contact.title")}
          closeButtonProps={{ "aria-label": t("common.close") }}
          transitionProps={{ duration: 120 }}
        >
          <Context conversation={current} />
        </Drawer>
      )}
    </div>
  );
}

interface HeaderProps {
  conversation: Conversation;
  inCall: boolean;
  onDetails: (() => void) | null;
}

function Header({ conversation, inCall, onDetails }: HeaderProps) {
  const { t } = useTranslation();
  const me = useMe();
  const search = useSearch();
  const [, go] = useLocation();
  const { item, ticket } = conversation;
  const [resolving, setResolving] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  const taking = useMutation({ mutationFn: () => take(item.session_id) });
  const name = displayName(t, item);
  const number = item.user_phone ?? item.call?.from;
  const mine = isMine(item, me);
  const done = item.status === "resolved" || item.status === "abandoned";
  const { call } = item;
  // After a take the eye is on who it is: so is the focus.
  useEffect(() => title.current?.focus(), [item.session_id]);
  return (
    <header className="head">
      <ActionIcon
        className="head-back"
        variant="subtle"
        color="gray"
        size={36}
        aria-label={t("common.back")}
        onClick={() => go(search ? `/?${search}` : "/")}
      >
        <IconArrowLeft size={20} />
      </ActionIcon>
      <div className="grow">
        <div className="head-line">
          <h1 ref={title} tabIndex={-1}>
            {name}
          </h1>
          <ItemState item={item} timed />
        </div>
        <p className="meta head-facts">
          <span>{channelName(t, item.channel)}</span>
          {item.queue_name && <span>{item.queue_name}</span>}
          {number && phone(number) !== name && <span className="figures">{phone(number)}</span>}
          {item.assigned_to_name && !mine && <span>{t("conversation.by", { name: item.assigned_to_name })}</span>}
          {ticket && (
            <span className="ticket" data-testid="ticket-number">
              <IconTicket size={14} aria-hidden />
              {ticket.display}
            </span>
          )}
        </p>
        {taking.error && (
          <p className="problem" role="alert">
            {problemText(t, taking.error)}
          </p>
        )}
      </div>
      <div className="head-actions">
        {item.status === "waiting" && (
          <Button
            color="success"
            leftSection={<IconPhone size={16} />}
            loading={taking.isPending}
            onClick={() => taking.mutate()}
            data-testid="take"
          >
            {t("conversation.take")}
          </Button>
        )}
        {mine && !done && !inCall && call && hasLiveCall(item) && (
          <Button
            color="success"
            leftSection={<IconPhone size={16} />}
            onClick={() => void join(item.session_id, call.id, null)}
            data-testid="call-join"
          >
            {t("conversation.join")}
          </Button>
        )}
        {mine && !done && (
          <Button
            variant={inCall ? "default" : "filled"}
            leftSection={<IconCheck size={16} />}
            onClick={() => setResolving(true)}
            aria-keyshortcuts="Alt+E"
            data-testid="resolve-open"
          >
            {t("conversation.resolve")}
          </Button>
        )}
        {onDetails && (
          <ActionIcon variant="subtle" color="gray" size={36} aria-label={t("common.details")} onClick={onDetails}>
            <IconLayoutSidebarRight size={20} />
          </ActionIcon>
        )}
      </div>
      <ResolveDialog
        opened={resolving}
        item={item}
        name={name}
        onClose={() => setResolving(false)}
        onDone={() => {
          setResolving(false);
          setTimeout(() => title.current?.focus(), 0);
        }}
      />
    </header>
  );
}
