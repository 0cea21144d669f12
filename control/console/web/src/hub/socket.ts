// The hub's socket: reconnects with back-off, names the last event, counts what was replayed. It knows no React.
import type { HubEvent, HubMessage, Presence } from "../api/types";
import { withPartial } from "./reduce";
import { hub, receive, update } from "./store";

const PING_EVERY_MS = 15_000;
const PONG_WITHIN_MS = 8_000;
const BACKOFF_MS = [300, 700, 1500, 3000, 5000, 8000];
const REPLAY_QUIET_MS = 300; // after so long without a replayed event the count is shown
const SESSION_ENDED = 4001; // close code: signed out elsewhere, or the password was changed
const RESTORED_SHOWN_MS = 6_000;

export interface Hooks {
  /** Snapshots are due: the first connection, or the server no longer has what was missed. */
  resync: () => void;
  /** The socket can't be opened: the session may be over. */
  refused: () => void;
}

type Outgoing = { type: "ping" } | { type: "status_update"; status: Presence } | { type: "read"; session_id: string };

export class HubSocket {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private stopped = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private replay: { until: number; count: number } | null = null;

  constructor(
    private readonly address: string,
    private readonly hooks: Hooks,
  ) {}

  start(): void {
    this.stopped = false;
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.open();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.clearTimers();
    this.socket?.close();
    this.socket = null;
  }

  send(message: Outgoing): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private open(): void {
    const { seq } = hub.getState().desk;
    const socket = new WebSocket(seq === null ? this.address : `${this.address}?since=${seq}`);
    this.socket = socket;
    let greeted = false;
    socket.onmessage = (message) => {
      if (socket !== this.socket) return;
      greeted = true;
      this.take(JSON.parse(String(message.data)) as HubMessage);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      if (!greeted || code === SESSION_ENDED) this.hooks.refused();
      this.lost();
    };
  }

  private take(message: HubMessage): void {
    clearTimeout(this.deadline);
    switch (message.type) {
      case "connected":
        return this.connected(message.seq, message.timestamp);
      case "reset":
        update((desk) => ({ ...desk, seq: message.seq }));
        this.replay = null;
        return this.hooks.resync();
      case "partial":
        return update((desk) => withPartial(desk, message));
      case "pong":
        return;
      default:
        // without a number it is no event: the server's word on something this client said, or a newer server's kind
        if (typeof message.seq === "number") this.event(message);
    }
  }

  private connected(seq: number, timestamp: string): void {
    const first = hub.getState().desk.seq === null;
    const restored = !first && hub.getState().link.state === "lost";
    const skewMs = Number.isNaN(Date.parse(timestamp)) ? 0 : Date.parse(timestamp) - Date.now();
    hub.setState({ skewMs });
    this.attempts = 0;
    this.heartbeat = setInterval(() => this.ping(), PING_EVERY_MS);
    if (first) {
      update((desk) => ({ ...desk, seq })); // what came before is in the snapshots
      hub.setState({ link: { state: "open" } });
      this.hooks.resync();
    } else if (restored) {
      this.replay = { until: seq, count: 0 };
      this.settle();
    }
  }

  private event(event: HubEvent): void {
    const isNew = receive(event);
    if (!this.replay) return;
    if (event.seq > this.replay.until) this.restored();
    else {
      if (isNew) this.replay.count += 1;
      this.settle();
    }
  }

  private settle(): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.restored(), REPLAY_QUIET_MS);
  }

  private restored(): void {
    clearTimeout(this.quiet);
    const link = { state: "restored", replayed: this.replay?.count ?? 0 } as const;
    this.replay = null;
    hub.setState({ link });
    setTimeout(() => {
      if (hub.getState().link === link) hub.setState({ link: { state: "open" } });
    }, RESTORED_SHOWN_MS);
  }

  private ping(): void {
    this.send({ type: "ping" });
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => {
      const dead = this.socket;
      this.socket = null; // its close may come a minute later
      dead?.close();
      this.lost();
    }, PONG_WITHIN_MS);
  }

  private lost(): void {
    this.clearTimers();
    this.socket = null;
    this.replay = null;
    if (this.stopped) return;
    const was = hub.getState().link;
    this.attempts += 1;
    if (hub.getState().desk.seq !== null || this.attempts > 1) {
      const since = was.state === "lost" ? was.since : Date.now();
      hub.setState({ link: { state: "lost", since, attempts: this.attempts } });
    }
    const wait = BACKOFF_MS[Math.min(this.attempts - 1, BACKOFF_MS.length - 1)] ?? 8000;
    this.retry = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  private hurry = (): void => {
    if (this.stopped || this.socket || document.visibilityState === "hidden") return;
    clearTimeout(this.retry);
    this.open();
  };

  private clearTimers(): void {
    clearTimeout(this.retry);
    clearTimeout(this.deadline);
    clearTimeout(this.quiet);
    clearInterval(this.heartbeat);
  }
}
