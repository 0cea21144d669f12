// The call, docked in its conversation: state, quality, mute, hold, hang up, and what both are saying.
import { ActionIcon, Button, Tooltip } from "@mantine/core";
import {
  IconAntennaBars2,
  IconAntennaBars4,
  IconAntennaBars5,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhoneOff,
  IconPlayerPause,
  IconPlayerPlay,
  IconSettings,
  IconVolume,
} from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Call, Entry, QueueItem } from "../api/types";
import { PartialLines } from "../conversation/partials";
import { Elapsed } from "../frame/state";
import { useDesk } from "../hub/store";
import { Dialog } from "../shared/dialog";
import { timeOfDay } from "../shared/format";
import { problemText } from "../shared/problem";
import { AudioSetup } from "./audio-setup";
import { useCallActions } from "./actions";
import { join, retry, setMuted, startAudio } from "./control";
import type { LiveCall } from "./store";

interface Props {
  live: LiveCall;
  call: Call;
  item: QueueItem;
  lines: readonly Entry[];
}

export function CallPanel({ live, call, item, lines }: Props) {
  const { t } = useTranslation();
  const [settings, setSettings] = useState(false);
  const { hold, hangUp, problem } = useCallActions(call);
  const held = call.state === "held";
  return (
    <section className="call" aria-label={t("call.region")} data-phase={live.phase} data-testid="call-panel">
      <div className="call-bar">
        <CallState live={live} call={call} />
        <Quality quality={live.quality} />
        <span className="grow" />
        <Tooltip label={t("call.settings")} openDelay={300}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={t("call.settings")}
            onClick={() => setSettings(true)}
          >
            <IconSettings size={20} />
          </ActionIcon>
        </Tooltip>
        <div className="call-actions">
          <MuteButton live={live} />
          <Tooltip label={t(held ? "call.resume" : "call.hold")} openDelay={300}>
            <Button
              variant={held ? "filled" : "default"}
              leftSection={held ? <IconPlayerPlay size={18} /> : <IconPlayerPause size={18} />}
              onClick={() => hold.mutate(!held)}
              loading={hold.isPending}
              aria-pressed={held}
              aria-label={t(held ? "call.resume" : "call.hold")}
              aria-keyshortcuts="Alt+H"
              data-testid="call-hold"
            >
              {t(held ? "call.resumeShort" : "call.holdShort")}
            </Button>
          </Tooltip>
          <Button
            color="danger"
            leftSection={<IconPhoneOff size={18} />}
            onClick={() => hangUp.mutate()}
            loading={hangUp.isPending}
            data-testid="call-hangup"
          >
            {t("call.hangUp")}
          </Button>
        </div>
      </div>
      <Trouble live={live} />
      {problem != null && (
        <p className="problem" role="alert">
          {problemText(t, problem)}
        </p>
      )}
      <LiveTranscript item={item} lines={lines} />
      <Dialog opened={settings} onClose={() => setSettings(false)} title={t("audio.title")}>
        <AudioSetup autoTest />
      </Dialog>
    </section>
  );
}

export function CallState({ live, call }: { live: LiveCall; call: Call | null }) {
  const { t } = useTranslation();
  const words = {
    joining: t("call.joining"),
    reconnecting: t("call.reconnecting"),
    failed: t("call.failed"),
    elsewhere: t("call.elsewhere"),
    connected: call?.state === "held" ? t("call.heldState") : live.muted ? t("call.muted") : t("call.talking"),
  }[live.phase];
  const signal = live.phase !== "connected" || live.muted || call?.state === "held" ? "warning" : "success";
  const from = call?.answered_at ?? call?.started_at;
  return (
    <span className="call-state" data-signal={signal} data-state={call?.state} data-phase={live.phase} data-testid="call-state">
      <span className="dot" aria-hidden />
      <span role="status" title={words}>
        {words}
      </span>
      {from && <Elapsed from={from} />}
    </span>
  );
}

export function MuteButton({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const label = t(live.muted ? "call.unmute" : "call.mute");
  return (
    <Tooltip label={label} openDelay={300}>
      <Button
        variant={live.muted ? "filled" : "default"}
        leftSection={live.muted ? <IconMicrophoneOff size={18} /> : <IconMicrophone size={18} />}
        onClick={() => void setMuted(!live.muted)}
        disabled={live.phase !== "connected" && live.phase !== "reconnecting"}
        aria-pressed={live.muted}
        aria-label={label}
        aria-keyshortcuts="Alt+M"
        data-testid="call-mute"
      >
        {t(live.muted ? "call.unmuteShort" : "call.muteShort")}
      </Button>
    </Tooltip>
  );
}

function Quality({ quality }: { quality: LiveCall["quality"] }) {
  const { t } = useTranslation();
  if (!quality) return null;
  const Icon = { 1: IconAntennaBars2, 2: IconAntennaBars4, 3: IconAntennaBars5 }[quality];
  const label = t(`call.quality${quality}`);
  return (
    <span className="quality" data-quality={quality} title={label} data-testid="call-quality">
      <Icon size={18} aria-hidden />
      <span className={quality === 3 ? "sr-only" : ""}>{label}</span>
    </span>
  );
}

function Trouble({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  if (live.phase === "elsewhere")
    return (
      <div className="call-trouble">
        <span>{t("call.elsewhere")}</span>
        <Button size="xs" onClick={() => void join(live.sessionId, live.callId, null, true)}>
          {t("call.bringHere")}
        </Button>
      </div>
    );
  if (live.phase === "failed")
    return (
      <div className="call-trouble" role="alert">
        <span>{t("call.failed")}</span>
        <Button size="xs" onClick={() => void retry()} data-testid="call-return">
          {t("call.returnTo")}
        </Button>
      </div>
    );
  if (live.audioBlocked)
    return (
      <div className="call-trouble" role="alert">
        <span>{t("call.blocked")}</span>
        <Button size="xs" leftSection={<IconVolume size={16} />} onClick={() => void startAudio()} data-testid="call-return">
          {t("call.returnTo")}
        </Button>
      </div>
    );
  if (live.micProblem) {
    const text = { denied: t("call.micDenied"), missing: t("call.micMissing"), busy: t("call.micBusy") };
    return (
      <div className="call-trouble" role="alert">
        <span>{text[live.micProblem]}</span>
        <Button size="xs" onClick={() => void setMuted(false)}>
          {t("common.retry")}
        </Button>
      </div>
    );
  }
  return null;
}

function LiveTranscript({ item, lines }: { item: QueueItem; lines: readonly Entry[] }) {
  const { t, i18n } = useTranslation();
  const partials = useDesk((desk) => desk.partials[item.session_id]);
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  useEffect(() => {
    if (box.current && atEnd) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, partials, atEnd]);
  const quiet = !lines.length && !Object.keys(partials ?? {}).length;
  return (
    <div
      className="live"
      ref={box}
      role="log"
      aria-live="off"
      aria-label={t("call.transcript")}
      tabIndex={0}
      onScroll={({ currentTarget: at }) => setAtEnd(at.scrollHeight - at.scrollTop - at.clientHeight < 40)}
    >
      {quiet && <p className="meta">{t("call.listening")}</p>}
      {lines.map((line) => (
        <div className="live-line" key={line.id} data-author={line.author}>
          <span className="live-who">
            <strong>{line.author_name ?? t(`author.${line.author}`)}</strong>
            <time className="meta" dateTime={line.at}>
              {timeOfDay(line.at, i18n.language)}
            </time>
          </span>
          <p className="said" data-testid="transcript-line" data-speaker={line.author} data-final="true">
            {line.text}
          </p>
        </div>
      ))}
      <PartialLines partials={partials} />
    </div>
  );
}
