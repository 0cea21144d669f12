// TEST TOOL, never shipped: a stand-in for the control process, for working on the console and for its browser tests.
// It keeps one organisation in memory, speaks the same HTTP and WebSocket API and serves the built console.
// The test drives it by POST /fake/{call,say,hear,settle,drop,record,end}; FAKE_ROOM_URL + FAKE_ROOM_TOKEN name a real room.
//   node dev/fake-server.mjs [port]     prints {"ready":true,"port":N}
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const PORT = Number(process.argv[2] ?? 8090);
const OFFER_S = Number(process.env.FAKE_OFFER_S ?? 20);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const CODES = [
  { code: "duvida", label: "Dúvida respondida", requires_notes: false },
  { code: "venda", label: "Venda realizada", requires_notes: false },
  { code: "suporte", label: "Problema técnico resolvido", requires_notes: false },
  { code: "reclamacao", label: "Reclamação", requires_notes: true },
];

const user = { id: randomUUID(), name: "Maria Souza", email: "maria@example.com", role: "attendant", attendant_id: "att-001", must_change_password: true };
const attendant = { attendant_id: "att-001", attendant_name: "Maria Souza", user_id: user.id, channel: "all", preferences: "sales", active_conversations: 0, total_handled_today: 0, avg_response_time_seconds: 0, status: "offline" };
let password = "senha-de-uso-unico";
const tokens = new Set();
const log = [];
const sockets = new Set();
const conversations = new Map();
const offers = new Map();
let tickets = 0;

const now = (agoS = 0) => new Date(Date.now() - agoS * 1000).toISOString();
const seq = () => log.length;

function tell(event) {
  const message = { ...event, seq: log.length + 1, timestamp: now() };
  log.push(message);
  for (const socket of sockets) socket.send(JSON.stringify(message));
}

function entry(c, author, text, more = {}) {
  const made = {
    id: randomUUID(), seq: ++c.entries, at: more.at ?? now(), kind: more.kind ?? "message", author,
    author_name: { customer: c.item.user_name, bot: "Assistente", attendant: user.name, system: null }[author],
    text, via: more.via ?? (author === "system" ? "system" : "voice"), start_s: more.start_s ?? null, end_s: null,
  };
  if (made.via === "voice" && made.start_s === null) made.start_s = (Date.now() - Date.parse(c.call.started_at)) / 1000;
  c.timeline.push(made);
  if (made.kind === "message") Object.assign(c.item, { last_message: text, last_message_time: made.at });
  tell({ type: "new_message", session_id: c.item.session_id, entry: made });
  return made;
}

function changed(c) {
  c.item.call = c.call;
  tell({ type: "queue_update", session_id: c.item.session_id, item: { ...c.item } });
}

function callIs(c, state, more = {}) {
  c.call = { ...c.call, state, ...more };
  c.item.call = c.call;
  tell({ type: "call_update", session_id: c.item.session_id, call: c.call });
}

function arrive({ name = "João Silva", phone = "+5511988887777", queue = "Suporte", agoS = 38, known = true, priority = 1, status = "waiting" }) {
  const id = randomUUID();
  const call = { id: randomUUID(), session_id: id, state: "queued", direction: "inbound", from: phone, to: "1000", started_at: now(agoS), answered_at: now(agoS), ended_at: null, cause: null };
  const item = { session_id: id, user_id: randomUUID(), bot_id: randomUUID(), channel: "voice", user_name: name, user_email: known ? "joao@email.com" : null, user_phone: phone, last_message: null, last_message_time: null, waiting_time_seconds: 0, priority, status, assigned_to: null, assigned_to_name: null, queue_id: randomUUID(), queue_name: queue, contact_id: known ? randomUUID() : null, waiting_since: now(), enqueued_at: now(), call };
  const contact = known ? { id: item.contact_id, customer_id: "cust-001", name, email: "joao@email.com", phone, tier: "gold", ltv: "5000.00", last_purchase: "2026-08-15", tags: "vip,dev,nps-9", customer_since: "2022-03-10" } : null;
  const c = { item, contact, call, timeline: [], entries: 0, recordings: [], ticket: null, context: { transfer_reason: "pediu um atendente" } };
  conversations.set(id, c);
  entry(c, "system", "Ligação recebida", { kind: "event", at: now(agoS) });
  entry(c, "bot", "Olá! Você ligou para a Exemplo. Diga vendas, suporte, ou o que precisa.", { at: now(agoS - 1), start_s: 0.4 });
  entry(c, "customer", "oi, é que a minha internet caiu de novo e eu queria falar com um atendente", { at: now(agoS - 8), start_s: 7.8 });
  entry(c, "bot", "Certo. Vou transferir você para o suporte. Aguarde na linha.", { at: now(agoS - 15), start_s: 14.6 });
  entry(c, "system", "Entrou na fila Suporte", { kind: "event" });
  tell({ type: "new_conversation", session_id: id, channel: "voice", customer: { name, phone }, message: item.last_message, item: { ...item } });
  return c;
}

function offerTo(c) {
  const offer = { offer_id: randomUUID(), session_id: c.item.session_id, expires_at: now(-OFFER_S), item: { ...c.item } };
  offers.set(offer.offer_id, offer);
  tell({ type: "offer", ...offer });
  offer.timer = setTimeout(() => settle(offer, "expired"), OFFER_S * 1000);
}

function settle(offer, outcome) {
  if (!offers.delete(offer.offer_id)) return false;
  clearTimeout(offer.timer);
  tell({ type: "offer_settled", offer_id: offer.offer_id, session_id: offer.session_id, outcome });
  return true;
}

function room(c) {
  return { url: process.env.FAKE_ROOM_URL ?? `ws://127.0.0.1:9`, token: process.env.FAKE_ROOM_TOKEN ?? "none", room: `call-${c.call.id}` };
}

function take(c) {
  Object.assign(c.item, { status: "active", assigned_to: attendant.attendant_id, assigned_to_name: user.name });
  callIs(c, "talking");
  changed(c);
  entry(c, "system", `${user.name} atendeu`, { kind: "event" });
  return { item: c.item, call: c.call, room: room(c) };
}

function resolve(c, { wrap_up_code: code, notes }) {
  c.ticket = { number: ++tickets, display: `#TIC-${String(tickets).padStart(3, "0")}`, status: "resolved", wrap_up_code: code, notes: notes ?? null };
  c.item.status = "resolved";
  callIs(c, "ended", { ended_at: now(), cause: "resolved" });
  entry(c, "system", `Resolvida por ${user.name}`, { kind: "event" });
  tell({ type: "ticket_update", session_id: c.item.session_id, ticket: c.ticket });
  changed(c);
  tell({ type: "conversation_closed", session_id: c.item.session_id });
  setTimeout(() => record(c), 150);
  return { success: true, session_id: c.item.session_id, resolved_at: now(), ticket: c.ticket };
}

function record(c) {
  const seconds = Math.max(20, Math.round((Date.now() - Date.parse(c.call.started_at)) / 1000));
  const recording = { id: randomUUID(), seconds, channels: 2, url: "", size: 44 + seconds * 32000, created_at: c.call.started_at };
  recording.url = `/api/recordings/${recording.id}`;
  c.recordings.push(recording);
  tell({ type: "recording_ready", session_id: c.item.session_id, recording });
}

function wav(seconds) {
  const frames = seconds * 8000;
  const data = Buffer.alloc(44 + frames * 4);
  data.write("RIFF", 0); data.writeUInt32LE(36 + frames * 4, 4); data.write("WAVEfmt ", 8); data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20); data.writeUInt16LE(2, 22); data.writeUInt32LE(8000, 24); data.writeUInt32LE(32000, 28);
  data.writeUInt16LE(4, 32); data.writeUInt16LE(16, 34); data.write("data", 36); data.writeUInt32LE(frames * 4, 40);
  for (let at = 0; at < frames; at++) {
    const s = at / 8000;
    const turn = Math.floor(s / 4) % 2; // the two speak in turns
    const loud = Math.abs(Math.sin(s * 5.1)) * Math.abs(Math.sin(s * 1.7)) * 9000 * (0.4 + 0.6 * Math.abs(Math.sin(s * 23)));
    data.writeInt16LE(turn ? 0 : Math.round(loud * Math.sin(s * 1300)), 44 + at * 4);
    data.writeInt16LE(turn ? Math.round(loud * Math.sin(s * 1900)) : 0, 46 + at * 4);
  }
  return data;
}

class Refusal extends Error {
  constructor(status, code) { super(code); Object.assign(this, { status, code }); }
}
const find = (id) => conversations.get(id) ?? refuse(404, "not_found");
const byCall = (id) => [...conversations.values()].find((c) => c.call.id === id) ?? refuse(404, "not_found");
const refuse = (status, code) => { throw new Refusal(status, code); };
const me = () => ({ user, organisation: { id: "org", name: "Exemplo Telecom" }, csrf: "fake-csrf" });

const ROUTES = [
  ["GET", "/api/auth/me", me],
  ["POST", "/api/auth/sign-out", (_, __, token) => { tokens.delete(token); return {}; }],
  ["POST", "/api/auth/password", (_, body) => {
    if (body.current !== password) refuse(401, "unauthenticated");
    password = body.new; user.must_change_password = false; return {};
  }],
  ["GET", "/api/attendance/queue", () => ({ items: [...conversations.values()].map((c) => c.item) })],
  ["GET", "/api/attendance/attendants", () => ({ count: 1, items: [attendant] })],
  ["PUT", "/api/attendance/presence", (_, body) => {
    attendant.status = body.status; tell({ type: "attendant_update", attendant: { ...attendant } }); return { status: body.status };
  }],
  ["GET", "/api/wrap-up-codes", () => ({ items: CODES })],
  ["GET", "/api/offers", () => ({ items: [...offers.values()].map(({ timer, ...offer }) => offer) })],
  ["POST", "/api/offers/:id/accept", ([id]) => {
    const offer = offers.get(id) ?? refuse(409, "conflict");
    settle(offer, "accepted");
    return take(find(offer.session_id));
  }],
  ["POST", "/api/offers/:id/decline", ([id]) => (settle(offers.get(id) ?? refuse(409, "conflict"), "declined"), {})],
  ["POST", "/api/attendance/take/:id", ([id]) => take(find(id))],
  ["POST", "/api/attendance/resolve/:id", ([id], body) => resolve(find(id), body)],
  ["POST", "/api/attendance/reopen/:id", ([id]) => {
    const c = find(id);
    c.item.status = "active"; c.ticket.status = "open"; tell({ type: "ticket_update", session_id: id, ticket: { ...c.ticket } }); changed(c);
    return { item: c.item };
  }],
  ["GET", "/api/conversations/:id", ([id]) => {
    const { item, contact, timeline, call, ticket, recordings, context } = find(id);
    return { item, contact, timeline, call, ticket, recordings, context };
  }],
  ["POST", "/api/conversations/:id/notes", ([id], body) => ({ entry: entry(find(id), "attendant", body.text, { kind: "note", via: "text" }) })],
  ["POST", "/api/calls/:id/room", ([id]) => room(byCall(id))],
  ["POST", "/api/calls/:id/hold", ([id]) => { const c = byCall(id); callIs(c, "held"); return { call: c.call }; }],
  ["POST", "/api/calls/:id/resume", ([id]) => { const c = byCall(id); callIs(c, "talking"); return { call: c.call }; }],
  ["POST", "/api/calls/:id/hangup", ([id]) => {
    const c = byCall(id); callIs(c, "ended", { ended_at: now(), cause: "we_hung_up" }); record(c); return { call: c.call };
  }],
  // What the tests do to the world.
  ["POST", "/fake/call", (_, body) => { const c = arrive(body); if (body.offer ?? true) offerTo(c); return { session_id: c.item.session_id }; }],
  ["POST", "/fake/bot", (_, body) => { const c = arrive({ ...body, status: "bot" }); callIs(c, "bot"); return { session_id: c.item.session_id }; }],
  ["POST", "/fake/settle", (_, body) => { for (const offer of [...offers.values()]) settle(offer, body.outcome); return {}; }],
  ["POST", "/fake/say", (_, body) => entry(find(body.session_id), body.author, body.text, body)],
  ["POST", "/fake/hear", (_, body) => {
    for (const socket of sockets) socket.send(JSON.stringify({ type: "partial", ...body }));
    return {};
  }],
  ["POST", "/fake/end", (_, body) => { const c = find(body.session_id); callIs(c, "ended", { ended_at: now(), cause: "caller_hung_up" }); record(c); return {}; }],
  ["POST", "/fake/drop", () => { for (const socket of sockets) socket.terminate(); return {}; }],
];

function match(method, path) {
  for (const [verb, pattern, handler] of ROUTES) {
    const names = new RegExp(`^${pattern.replace(/:\w+/g, "([^/]+)")}$`).exec(path);
    if (verb === method && names) return [handler, names.slice(1)];
  }
  return null;
}

const tokenOf = (request) => /attendance_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
const bodyOf = async (request) => {
  let text = "";
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
};

async function answer(request, response) {
  const { pathname: path } = new URL(request.url, "http://x");
  const send = (status, data, headers = {}) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(JSON.stringify(data));
  };
  try {
    if (path === "/api/auth/sign-in") {
      const body = await bodyOf(request);
      if (body.email !== user.email || body.password !== password) refuse(401, "unauthenticated");
      const token = randomUUID();
      tokens.add(token);
      return send(200, me(), { "Set-Cookie": [`attendance_session=${token}; HttpOnly; SameSite=Lax; Path=/`, "attendance_csrf=fake-csrf; SameSite=Lax; Path=/"] });
    }
    const isApi = path.startsWith("/api/");
    if (isApi && !tokens.has(tokenOf(request))) refuse(401, "unauthenticated");
    if (isApi && request.method !== "GET" && request.headers["x-csrf-token"] !== "fake-csrf") refuse(403, "forbidden");
    if (path.startsWith("/api/recordings/")) return sendWav(request, response, path.split("/").at(-1));
    const found = match(request.method, path);
    if (found) return send(200, await found[0](found[1], await bodyOf(request), tokenOf(request)));
    if (isApi) refuse(404, "not_found");
    await sendFile(response, path);
  } catch (error) {
    send(error.status ?? 500, { error: { code: error.code ?? "error", message: error.message } });
  }
}

function sendWav(request, response, id) {
  const recording = [...conversations.values()].flatMap((c) => c.recordings).find((one) => one.id === id) ?? refuse(404, "not_found");
  const data = wav(recording.seconds);
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
  const [from, to] = range ? [Number(range[1]), range[2] ? Number(range[2]) : data.length - 1] : [0, data.length - 1];
  response.writeHead(range ? 206 : 200, {
    "Content-Type": "audio/wav", "Accept-Ranges": "bytes", "Content-Length": to - from + 1,
    ...(range && { "Content-Range": `bytes ${from}-${to}/${data.length}` }),
  });
  response.end(data.subarray(from, to + 1));
}

async function sendFile(response, path) {
  const file = path.startsWith("/assets/") ? join(DIST, normalize(path)) : join(DIST, "index.html");
  const data = await readFile(file).catch(() => refuse(404, "not_found"));
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
  response.end(data);
}

const server = createServer((request, response) => void answer(request, response));
const hub = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  if (!tokens.has(tokenOf(request))) return socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  hub.handleUpgrade(request, socket, head, (client) => {
    const since = new URL(request.url, "http://x").searchParams.get("since");
    client.send(JSON.stringify({ type: "connected", attendant_id: attendant.attendant_id, message: "", seq: seq(), timestamp: now() }));
    if (since !== null) for (const event of log.slice(Number(since))) client.send(JSON.stringify(event));
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    client.on("message", (data) => JSON.parse(data).type === "ping" && client.send('{"type":"pong"}'));
  });
});
server.listen(PORT, "127.0.0.1", () => console.log(JSON.stringify({ ready: true, port: server.address().port })));
process.stdin.on("end", () => process.exit(0)).resume();
