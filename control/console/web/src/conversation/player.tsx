// A recording: play, seek, speed; the waveform of both channels when the file is small enough to draw.
import { ActionIcon, NativeSelect } from "@mantine/core";
import { IconDownload, IconPlayerPauseFilled, IconPlayerPlayFilled } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Recording } from "../api/types";
import { clock, exact } from "../shared/format";
import type { Seek } from "./timeline";
import { drawWave } from "./wave";

const DRAWN_UP_TO = 40_000_000; // bytes: the waveform needs the whole file, playing does not
const SPEEDS = ["1", "1.25", "1.5", "2"];

interface Props {
  recording: Recording;
  seek: Seek | null;
  /** Where it plays, in s on the call's timeline; null when it stands still. */
  onTime: (s: number | null) => void;
}

export default function Player({ recording, seek, onTime }: Props) {
  const { t, i18n } = useTranslation();
  const audio = useRef<HTMLAudioElement>(null);
  const wave = useRef<HTMLDivElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [speed, setSpeed] = useState("1");
  const [failed, setFailed] = useState(false);
  const drawn = recording.size <= DRAWN_UP_TO;

  useEffect(() => {
    const [media, place] = [audio.current, wave.current];
    if (!media || !place) return;
    return drawWave(place, media, recording.url, recording.channels);
  }, [recording.url, recording.channels]);

  useEffect(() => {
    const media = audio.current;
    if (!seek || !media) return;
    media.currentTime = seek.s;
    void media.play().catch(() => setFailed(true));
  }, [seek]);

  const toggle = () => {
    const media = audio.current;
    if (!media) return;
    if (media.paused) void media.play().catch(() => setFailed(true));
    else media.pause();
  };
  const go = (s: number) => {
    if (audio.current) audio.current.currentTime = s;
    setAt(s);
  };
  return (
    <figure className="player" data-testid="recording-player" data-src={recording.url}>
      <audio
        ref={audio}
        src={recording.url}
        preload="metadata"
        onPlay={() => setPlaying(true)}
        onPause={() => {
          setPlaying(false);
          onTime(null);
        }}
        onTimeUpdate={(event) => {
          const s = event.currentTarget.currentTime;
          setAt(s);
          if (!event.currentTarget.paused) onTime(s);
        }}
        onError={() => setFailed(true)}
      />
      <ActionIcon
        size={40}
        radius={20}
        aria-label={t(playing ? "recording.pause" : "recording.play")}
        onClick={toggle}
        data-testid="recording-play"
      >
        {playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
      </ActionIcon>
      <div className="grow">
        <figcaption className="player-caption">
          <strong>{t("recording.title")}</strong>
          <time className="meta" dateTime={recording.created_at} title={exact(recording.created_at, i18n.language)}>
            {clock(at)} / {clock(recording.seconds)}
          </time>
          {recording.channels === 2 && <span className="meta player-stereo">{t("recording.stereo")}</span>}
        </figcaption>
        {drawn && <div className="wave" ref={wave} aria-hidden />}
        <input
          type="range"
          className={drawn ? "sr-only" : "player-range"}
          aria-label={t("recording.position")}
          aria-valuetext={clock(at)}
          min={0}
          max={recording.seconds}
          step={1}
          value={at}
          onChange={(event) => go(Number(event.currentTarget.value))}
        />
        {failed && (
          <p className="problem" role="alert">
            {t("recording.failed")}
          </p>
        )}
      </div>
      <NativeSelect
        aria-label={t("recording.speed")}
        className="player-speed"
        size="xs"
        data={SPEEDS.map((value) => ({ value, label: `${Number(value).toLocaleString(i18n.language)}×` }))}
        value={speed}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setSpeed(value);
          if (audio.current) audio.current.playbackRate = Number(value);
        }}
      />
      <ActionIcon
        component="a"
        href={recording.url}
        download={`${recording.id}.wav`}
        variant="subtle"
        color="gray"
        size={32}
        aria-label={t("recording.download")}
      >
        <IconDownload size={18} />
      </ActionIcon>
    </figure>
  );
}
