// The timeline: what customer, bot and attendants said, notes, changes of state, recordings with their transcript.
import { IconChevronDown, IconKeyboard, IconNote, IconPlayerPlayFilled, IconRobot } from "@tabler/icons-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Conversation, Entry, QueueItem, Recording } from "../api/types";
import { useDesk } from "../hub/store";
import { useLiveCall } from "../call/store";
import { clock, exact, initials, moment, timeOfDay } from "../shared/format";
import { useNow } from "../shared/hooks";
import { PartialLines } from "./partials";
import { type Block, blocks, lineAt, recordingOf } from "./timeline-parts";

const Player = lazy(() => import("./player"));
const AT_END_PX = 80;

interface Props {
  entries: readonly Entry[];
  recordings: readonly Recording[];
  item: QueueItem;
  conversation: Conversation;
}

/** Where the reader wants a recording to play from; `nonce` makes the same place askable twice. */
export interface Seek {
  recordingId: string;
  s: number;
  nonce: number;
}

export function Timeline({ entries, recordings, item }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [seek, setSeek] = useState<Seek | null>(null);
  const [heard, setHeard] = useState<string | null>(null);
  const inCall = useLiveCall()?.sessionId === item.session_id;
  const partials = useDesk((desk) => desk.partials[item.session_id]);
  const parts = useMemo(() => blocks(entries), [entries]);
  const speaking = !inCall && partials !== undefined && Object.keys(partials).length > 0;

  // Who reads the end stays at the end, whatever grows: a line, a waveform that is drawn, the panel of the call.
  useEffect(() => {
    const [box, lines] = [scroller.current, scroller.current?.firstElementChild];
    if (!box || !lines || !atEnd) return;
    const stay = new ResizeObserver(() => (box.scrollTop = box.scrollHeight));
    stay.observe(lines);
    stay.observe(box);
    return () => stay.disconnect();
  }, [atEnd]);

  const onScroll = () => {
    const box = scroller.current;
    if (box) setAtEnd(box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX);
  };
  const toEnd = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  const playFrom = useCallback((recording: Recording, s: number) => {
    setSeek((was) => ({ recordingId: recording.id, s, nonce: (was?.nonce ?? 0) + 1 }));
  }, []);
  const onTime = useCallback((s: number | null) => setHeard(s === null ? null : lineAt(entries, s)), [entries]);

  return (
    <div className="timeline-box">
      <div
        className="timeline"
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-label={t("conversation.timeline")}
        aria-live="off"
        tabIndex={0}
      >
        <div className="timeline-lines">
        {!parts.length && !speaking && (
          <div className="timeline-empty">
            <strong>{t("conversation.empty")}</strong>
            <p className="meta">{t("conversation.emptyHint")}</p>
          </div>
        )}
        {parts.map((block) => (
          <BlockView key={block.first.id} block={block} recordings={recordings} onPlay={playFrom} heard={heard} />
        ))}
        {speaking && <PartialLines partials={partials} />}
        {recordings.map((recording) => (
          <Suspense key={recording.id} fallback={<div className="player skeleton" />}>
            <Player recording={recording} seek={seek?.recordingId === recording.id ? seek : null} onTime={onTime} />
          </Suspense>
        ))}
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <IconChevronDown size={16} aria-hidden /> {t("conversation.jump")}
        </button>
      )}
    </div>
  );
}

interface BlockProps {
  block: Block;
  recordings: readonly Recording[];
  onPlay: (recording: Recording, s: number) => void;
  heard: string | null;
}

function BlockView({ block, recordings, onPlay, heard }: BlockProps) {
  const { t } = useTranslation();
  const { first } = block;
  if (block.kind === "event")
    return (
      <div className="event" data-testid="timeline-entry" data-author={first.author} data-kind="event">
        <span>{first.text}</span>
        <When at={first.at} />
      </div>
    );
  const name = first.author_name ?? t(`author.${first.author}`);
  if (block.kind === "note")
    return (
      <div className="note" data-testid="timeline-entry" data-author={first.author} data-kind="note">
        <p className="meta with-icon">
          <IconNote size={14} aria-hidden />
          {t("conversation.note")} · {name}
          <When at={first.at} />
        </p>
        <p className="said">{first.text}</p>
      </div>
    );
  return (
    <div className="speech" data-author={first.author}>
      <SpeakerMark author={first.author} name={name} />
      <div className="speech-body">
        <p className="speech-head">
          <strong>{name}</strong>
          {first.author !== "customer" && first.author !== "attendant" ? null : first.author_name && (
            <span className="meta">{t(`author.${first.author}`)}</span>
          )}
          <When at={first.at} />
        </p>
        {block.entries.map((entry) => (
          <Line key={entry.id} entry={entry} recording={recordingOf(entry, recordings)} onPlay={onPlay} isHeard={heard === entry.id} />
        ))}
      </div>
    </div>
  );
}

interface LineProps {
  entry: Entry;
  recording: Recording | null;
  onPlay: (recording: Recording, s: number) => void;
  isHeard: boolean;
}

function Line({ entry, recording, onPlay, isHeard }: LineProps) {
  const { t } = useTranslation();
  const { start_s: start } = entry;
  return (
    <div
      className="line"
      data-testid="timeline-entry"
      data-author={entry.author}
      data-kind={entry.kind}
      data-heard={isHeard || undefined}
      aria-current={isHeard || undefined}
    >
      {entry.via === "dtmf" && (
        <span className="with-icon meta">
          <IconKeyboard size={14} aria-hidden /> {t("conversation.digits")}
        </span>
      )}
      <p
        className="said"
        {...(entry.via === "voice" && {
          "data-testid": "transcript-line",
          "data-speaker": entry.author,
          "data-final": "true",
        })}
      >
        {entry.text}
      </p>
      {recording && start !== null && (
        <button
          type="button"
          className="seek figures"
          aria-label={t("conversation.at", { time: clock(start) })}
          onClick={() => onPlay(recording, start)}
        >
          <IconPlayerPlayFilled size={10} aria-hidden />
          {clock(start)}
        </button>
      )}
    </div>
  );
}

export function SpeakerMark({ author, name }: { author: Entry["author"]; name: string }) {
  return (
    <span className="avatar avatar-small" data-author={author} aria-hidden>
      {author === "bot" ? <IconRobot size={16} /> : initials(name) || "?"}
    </span>
  );
}

function When({ at }: { at: string }) {
  const { i18n } = useTranslation();
  const now = useNow(30_000);
  return (
    <time className="meta" dateTime={at} title={exact(at, i18n.language)}>
      {now - Date.parse(at) < 3_600_000 ? timeOfDay(at, i18n.language) : moment(at, now, i18n.language)}
    </time>
  );
}
