// One room through livekit-client. Loaded late: only this file names the library.
import {
  ConnectionState,
  DisconnectReason,
  type LocalAudioTrack,
  MediaDeviceFailure,
  type RemoteTrack,
  Room,
  RoomEvent,
  Track,
} from "livekit-client";

import type { RoomGrant } from "../api/types";
import type { DeviceChoice } from "./devices";
import { qualityOf, type Sample } from "./quality";
import type { LiveCall, MicProblem } from "./store";

const QUALITY_EVERY_MS = 2000;

export interface LinkHooks {
  change: (change: Partial<LiveCall>) => void;
  /** The room is gone and livekit-client gave up. `ended`: the server closed it on purpose. */
  closed: (ended: boolean) => void;
}

export class RoomLink {
  private readonly room: Room;
  private readonly sounds = new Map<string, HTMLMediaElement[]>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private last: Sample | null = null;
  private joined = false;
  private leaving = false;

  constructor(
    devices: DeviceChoice,
    private readonly hooks: LinkHooks,
  ) {
    this.room = new Room({
      audioCaptureDefaults: {
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        ...(devices.microphone ? { deviceId: devices.microphone } : {}),
      },
      ...(devices.speaker ? { audioOutput: { deviceId: devices.speaker } } : {}),
    });
    this.listen();
  }

  /** Join and speak. Rejects when the room can't be reached; a microphone that fails is told, not thrown. */
  async connect(grant: RoomGrant, muted: boolean): Promise<void> {
    await this.room.connect(grant.url, grant.token, { autoSubscribe: true });
    this.joined = true;
    this.hooks.change({ phase: "connected", audioBlocked: !this.room.canPlaybackAudio });
    this.timer = setInterval(() => void this.measure(), QUALITY_EVERY_MS);
    await this.setMicrophone(!muted);
  }

  async setMicrophone(on: boolean): Promise<void> {
    try {
      await this.room.localParticipant.setMicrophoneEnabled(on);
      this.hooks.change({ muted: !on, micProblem: null });
    } catch (error) {
      this.hooks.change({ micProblem: problemOf(error), muted: true });
    }
  }

  async applyDevices(devices: DeviceChoice): Promise<void> {
    if (devices.microphone) await this.room.switchActiveDevice("audioinput", devices.microphone);
    if (devices.speaker) await this.room.switchActiveDevice("audiooutput", devices.speaker);
  }

  /** In a gesture: lets the sound out. */
  async startAudio(): Promise<void> {
    await this.room.startAudio();
    this.hooks.change({ audioBlocked: !this.room.canPlaybackAudio });
  }

  async leave(): Promise<void> {
    this.leaving = true;
    this.silence();
    await this.room.disconnect(true);
  }

  private listen(): void {
    this.room
      .on(RoomEvent.TrackSubscribed, (track) => this.play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.unplay(track))
      .on(RoomEvent.AudioPlaybackStatusChanged, () =>
        this.hooks.change({ audioBlocked: !this.room.canPlaybackAudio }),
      )
      .on(RoomEvent.ConnectionStateChanged, (state) => {
        if (state === ConnectionState.Connected) this.hooks.change({ phase: "connected" });
        if (state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting)
          this.hooks.change({ phase: "reconnecting" });
      })
      .on(RoomEvent.MediaDevicesError, (error) => this.hooks.change({ micProblem: problemOf(error) }))
      .on(RoomEvent.Disconnected, (reason) => {
        this.silence();
        if (this.leaving || !this.joined) return; // a join that fails rejects
        this.hooks.closed(
          reason === DisconnectReason.ROOM_DELETED ||
            reason === DisconnectReason.PARTICIPANT_REMOVED ||
            reason === DisconnectReason.ROOM_CLOSED,
        );
      });
  }

  private play(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio) return;
    const element = track.attach();
    element.dataset["call"] = "audio";
    element.hidden = true;
    document.body.append(element);
    this.sounds.set(track.sid ?? "", [...(this.sounds.get(track.sid ?? "") ?? []), element]);
  }

  private unplay(track: RemoteTrack): void {
    for (const element of track.detach()) element.remove();
    this.sounds.delete(track.sid ?? "");
  }

  private silence(): void {
    clearInterval(this.timer);
    for (const element of [...this.sounds.values()].flat()) element.remove();
    this.sounds.clear();
  }

  private async measure(): Promise<void> {
    const mine = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track;
    const theirs = [...this.room.remoteParticipants.values()]
      .flatMap((participant) => [...participant.audioTrackPublications.values()])
      .flatMap((publication) => (publication.track ? [publication.track] : []));
    const reports = await Promise.all(
      [mine as LocalAudioTrack | undefined, ...theirs].map((track) => track?.getRTCStatsReport()),
    ).catch(() => []);
    const { sample, quality } = qualityOf(
      reports.flatMap((report) => (report ? [...report.values()] : [])) as Record<string, unknown>[],
      this.last,
    );
    this.last = sample;
    if (quality) this.hooks.change({ quality });
  }
}

function problemOf(error: unknown): MicProblem {
  switch (MediaDeviceFailure.getFailure(error)) {
    case MediaDeviceFailure.PermissionDenied:
      return "denied";
    case MediaDeviceFailure.DeviceInUse:
      return "busy";
    default:
      return "missing";
  }
}
