// The HTTP API: JSON both ways, the CSRF header on what changes something, and errors that carry the server's code.
import type {
  Attendant,
  Call,
  Conversation,
  Entry,
  Offer,
  Presence,
  QueueItem,
  Resolved,
  RoomGrant,
  Session,
  Taken,
  WrapUpCode,
} from "./types";

/** A refusal or a failure. `code` is the server's, or `network` / `timeout` when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 15_000;
// Here a 401 speaks of what was typed, not of the session.
const REFUSED: Readonly<Record<string, string>> = {
  "/api/auth/sign-in": "invalid_credentials",
  "/api/auth/password": "wrong_password",
};
let csrf = "";
let onSignedOut: () => void = () => undefined;

/** Called once by the session; runs whenever the server says that nobody is signed in. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

function csrfToken(): string {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("attendance_csrf="));
  return cookie ? decodeURIComponent(cookie.slice("attendance_csrf=".length)) : csrf;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, timedOut ? "timeout" : "network", String(error));
  }
  const data: unknown = await response.json().catch(() => null);
  if (response.ok) return data as T;
  const problem = (data as { error?: { code?: string; message?: string; field?: string } } | null)?.error;
  const failure = new ApiError(
    response.status,
    (response.status === 401 && REFUSED[path]) || (problem?.code ?? `http_${response.status}`),
    problem?.message ?? response.statusText,
    problem?.field,
  );
  if (response.status === 401 && !REFUSED[path]) onSignedOut();
  throw failure;
}

const get = <T>(path: string) => call<T>("GET", path);
const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
const id = encodeURIComponent;

async function signedIn(answer: Promise<Session>): Promise<Session> {
  const session = await answer;
  csrf = session.csrf;
  return session;
}

export const api = {
  signIn: (email: string, password: string) =>
    signedIn(post<Session>("/api/auth/sign-in", { email, password })),
  signOut: () => post<unknown>("/api/auth/sign-out"),
  me: () => signedIn(get<Session>("/api/auth/me")),
  changePassword: (current: string, next: string) =>
    post<unknown>("/api/auth/password", { current, new: next }),

  queue: () => get<{ items: QueueItem[] }>("/api/attendance/queue?status=all"),
  attendants: () => get<{ count: number; items: Attendant[] }>("/api/attendance/attendants"),
  setPresence: (status: Presence) =>
    call<{ status: Presence }>("PUT", "/api/attendance/presence", { status }),
  wrapUpCodes: () => get<{ items: WrapUpCode[] }>("/api/wrap-up-codes"),

  offers: () => get<{ items: Offer[] }>("/api/offers"),
  accept: (offerId: string) => post<Taken>(`/api/offers/${id(offerId)}/accept`),
  decline: (offerId: string) => post<unknown>(`/api/offers/${id(offerId)}/decline`),
  take: (sessionId: string) => post<Taken>(`/api/attendance/take/${id(sessionId)}`),

  conversation: (sessionId: string) => get<Conversation>(`/api/conversations/${id(sessionId)}`),
  addNote: (sessionId: string, text: string) =>
    post<{ entry: Entry }>(`/api/conversations/${id(sessionId)}/notes`, { text }),
  resolve: (sessionId: string, wrapUpCode: string, notes: string) =>
    post<Resolved>(`/api/attendance/resolve/${id(sessionId)}`, {
      wrap_up_code: wrapUpCode,
      ...(notes ? { notes } : {}),
    }),

  reopen: (sessionId: string) => post<{ item: QueueItem }>(`/api/attendance/reopen/${id(sessionId)}`),

  room: (callId: string) => post<RoomGrant>(`/api/calls/${id(callId)}/room`),
  hold: (callId: string) => post<{ call: Call }>(`/api/calls/${id(callId)}/hold`),
  resume: (callId: string) => post<{ call: Call }>(`/api/calls/${id(callId)}/resume`),
  hangUp: (callId: string) => post<{ call: Call }>(`/api/calls/${id(callId)}/hangup`),
};
