// How the portal talks to its server: the REST API, the live stream, and what a person is told about both.
import { markRaw, reactive } from "vue";
import { when } from "jp_format";
import { told, toldAll } from "jp_words";

// --- REST -------------------------------------------------------------------------------------
const OTHERS_TEXT = /\/(?:log|scripts?|parked|changes)\b/; // there, `text` is what a script or a message says

export class ApiError extends Error {
  constructor(status, problem) {
    super(told(problem.detail) || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.field = problem.field ?? null;
    this.problem = problem;
  }
}

// Of each answer that is on its way, what the stream said meanwhile, and whether it said all of it.
const reading = new Set();
const MOST_AGAIN = 5000; // changes

const SILENT = "The portal does not answer. Is it still running?";

export async function api(path, options = {}) {
  if (options.method && options.method !== "GET") return ask(path, options);
  const meanwhile = { said: [], changes: 0, lost: false };
  reading.add(meanwhile);
  try {
    return await ask(path, options);
  } finally {
    // When whoever asked has taken the answer over, and with what came until then: the newest is told last.
    setTimeout(() => tellAgain(meanwhile));
  }
}

// What changed while an answer was on its way may be newer than the answer, and is told again after it: that
// alone, for it may be asked for anew because of it. What nobody heard is loaded.
function tellAgain(meanwhile) {
  reading.delete(meanwhile);
  if (!meanwhile.lost) meanwhile.said.forEach((message) => tell(message, message.topic));
  else if (socket?.readyState === WebSocket.OPEN) loadAll();
}

const loadAll = debounced(() => [...listeners].forEach((listener) => listener.resumes || listener.load()), 100);

function keep(message) {
  for (const meanwhile of reading) {
    meanwhile.said.push(message);
    meanwhile.changes += message.items.length;
    while (meanwhile.changes > MOST_AGAIN) meanwhile.changes -= meanwhile.said.shift().items.length;
  }
}

// Who is not signed in any more is told so, signs in, and comes back to where they were.
const leave = () => location.assign(`/login?out=1&next=${encodeURIComponent(location.pathname + location.search)}`);
const SIGNED_OUT = 4401;

async function ask(path, { method = "GET", body, signal } = {}) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      signal,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" } : {}) },
      body: body instanceof Blob ? body : body ? JSON.stringify(body) : undefined,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: SILENT });
  }
  const problem = response.status === 204 ? {} : await response.json().catch(() => ({}));
  // Who gave up while the answer was still being read has no answer, and not an empty one.
  signal?.throwIfAborted();
  if (response.status === 401) leave();
  if (!response.ok) throw new ApiError(response.status, problem);
  return toldAll(problem, OTHERS_TEXT.test(path) ? [] : ["text"]);
}

// --- who looks ----------------------------------------------------------------------------------
// What the server said of them when the page was asked for; what they may do is judged there.
// isChanging: their password is becoming another one, so that every session ends, and they get a new one.
export const me = reactive({ name: "", role: "admin", grants: {}, isChanging: false });

const RANKS = ["viewer", "operator", "editor", "admin"];
const allows = (role, least) => RANKS.indexOf(role) >= RANKS.indexOf(least);
const folderOf = (script) => script.slice(0, Math.max(0, script.lastIndexOf("/")));

// Why they may not do what a role may: everywhere, or to what has its script in a folder; "" when they may.
export function lacks(role, folder = null) {
  const holds = ([of, granted]) => allows(granted, role) && folder !== null && (folder === of || folder.startsWith(`${of}/`));
  if (allows(me.role, role) || Object.entries(me.grants).some(holds)) return "";
  return `This needs the role ${role}. An admin can give it to you.`;
}

// Why they may not run a job, or change it; null when they may.
export function cannotDo(job) {
  const folder = folderOf(job.script);
  return { run: lacks("operator", folder) || null, edit: lacks("editor", folder) || null };
}

// A query string of what is set: the URL is the truth of every view.
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value != null && value !== "" && value !== false);
  return set.length ? `?${new URLSearchParams(set)}` : "";
}

export function rememberInUrl(values) {
  history.replaceState(history.state, "", location.pathname + query(values) + location.hash);
}

export const fromUrl = (name, otherwise = "") => new URLSearchParams(location.search).get(name) ?? otherwise;

// --- live stream ------------------------------------------------------------------------------
// state: connecting | live | lost. heardAt: when the server last said anything.
// build: of the server that this page came from; isStale: the server that speaks now is another one.
export const link = reactive({ state: "connecting", heardAt: Date.now(), build: "", isStale: false });

const listeners = new Set();
let socket = null;
let retryMs = 500;
const MOST_RETRY_MS = 1500; // a refused connection costs nobody anything, and who looks at a page waits for it
let retryTimer = 0;

// A network that takes everything and brings nothing closes no socket: who hears nothing for a while asks,
// and without an answer the connection counts as lost. A try to connect waits no longer either.
const QUIET_MS = 2500;
const SILENT_MS = 5000;
let seenAt = 0;
let looking = 0;

function look() {
  const quiet = Date.now() - seenAt;
  if (quiet > SILENT_MS) lose();
  else if (quiet > QUIET_MS) send({ ping: 1 });
}

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function subscribe(listener) {
  listener.stands = false;
  send({ subscribe: listener.topics, ...listener.where() });
}

// Follow topics. `onItems(items, topic)` gets what changes; `load()` is called when the subscription stands
// and whenever something may have been missed: what it fetches is then whole. `where()` adds to the
// subscription how far a log is read; such a listener is subscribed again instead of loading.
// What changes while an answer is on its way is told twice: `onItems` takes over the newest, however often.
export function follow(topics, onItems, { load = () => {}, where = null } = {}) {
  const listener = { topics: [topics].flat(), onItems, load, where: where ?? (() => ({})), resumes: Boolean(where), stands: false };
  listeners.add(listener);
  if (socket) subscribe(listener);
  else open();
  // Without a socket the page still shows what REST says.
  setTimeout(() => listeners.has(listener) && !listener.stands && listener.load(), 700);
  return () => {
    listeners.delete(listener);
    const kept = new Set([...listeners].flatMap((other) => other.topics));
    send({ unsubscribe: listener.topics.filter((topic) => !kept.has(topic)) });
  };
}

function open() {
  clearTimeout(retryTimer);
  if (socket || document.hidden) return;
  const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/stream`);
  socket = mine;
  seenAt = Date.now();
  looking ||= setInterval(look, 1000);
  mine.onopen = () => {
    if (socket !== mine) return;
    retryMs = 500;
    link.state = "live";
    seenAt = link.heardAt = Date.now();
    for (const listener of listeners) subscribe(listener);
  };
  mine.onmessage = (event) => {
    if (socket !== mine) return; // of a socket that was given up
    seenAt = Date.now();
    receive(JSON.parse(event.data));
  };
  mine.onclose = ({ code }) => (code === SIGNED_OUT ? me.isChanging || leave() : socket === mine && lose());
}

function lose() {
  drop();
  link.state = "lost";
  // NiceGUI's own socket would load the page anew when it waits in vain: into the browser's error page.
  window.socket?.io?.timeout(false);
  retryTimer = setTimeout(open, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, MOST_RETRY_MS);
}

function drop() {
  const old = socket;
  socket = null;
  for (const meanwhile of reading) meanwhile.lost = true;
  clearInterval(looking);
  looking = 0;
  clearTimeout(retryTimer);
  old?.close();
}

function receive(message) {
  if (message.hello) link.isStale = Boolean(link.build) && message.hello.build !== link.build;
  if (message.subscribed) return stands(message.subscribed);
  const topic = message.topic ?? message.resync;
  if (!topic) return;
  link.heardAt = Date.now();
  // Not of a log: its chunks come in order, each once.
  if (message.items && !topic.startsWith("log:")) keep(message);
  tell(message, topic);
}

function tell(message, topic) {
  for (const listener of [...listeners]) {
    if (!listener.topics.includes(topic)) continue;
    if (!message.resync) listener.onItems(listener.resumes ? message.items : toldAll(message.items, ["text"]), topic);
    else if (listener.resumes) subscribe(listener);
    else listener.load();
  }
}

function stands(topics) {
  for (const listener of [...listeners]) {
    if (listener.stands || !listener.topics.every((topic) => topics.includes(topic))) continue;
    listener.stands = true;
    listener.load();
  }
}

// A hidden tab costs the server nothing; when it is seen again, everything is fetched anew.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) drop();
  else if (listeners.size) open();
});
// The browser knows sooner: it need not wait for the next try.
addEventListener("online", () => { if (link.state === "lost") open(); });

// --- what a person is told ----------------------------------------------------------------------
export const toasts = reactive([]);
let toastCount = 0;

// tone: ok | bad. `undo` is called when the person asks; `href` and `linkText` make a link.
export function toast(text, { tone = "ok", undo = null, href = null, linkText = "Open", forMs = 8000 } = {}) {
  const item = { id: ++toastCount, text, tone, undo, href, linkText };
  toasts.push(item);
  if (toasts.length > 4) toasts.shift();
  setTimeout(() => dismiss(item.id), forMs);
  return item.id;
}

export function dismiss(id) {
  const index = toasts.findIndex((item) => item.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

export async function attempt(action, otherwise = undefined) {
  try {
    return await action();
  } catch (error) {
    toast(error.message, { tone: "bad", forMs: 12_000 });
    return otherwise;
  }
}

// Why a job, or a run of it, waits for a level; "" where an executor of its pool offers it, or none is there.
const LEVELS = ["any", "restricted", "isolated"];
const HOW_TO_OFFER = { restricted: "Start one on Linux 5.13 or newer with Landlock", isolated: "Start one on a host that allows namespaces" };

export function lacksLevel({ pool, min_sandbox: least }) {
  const offered = health.offers[pool];
  if (!offered || LEVELS.indexOf(offered) >= LEVELS.indexOf(least)) return "";
  return `No executor of pool ${pool} offers ${least}. ${HOW_TO_OFFER[least]}, or lower the job's minimum.`;
}

// Why a run of the job would wait though somebody asks for it; "" when it would start.
export function heldBack(job) {
  if (health.freeze) return ` It waits: everything is frozen until ${when(health.freeze.until)}.`;
  if (health.paused_pools.includes(job.pool)) return ` It waits: pool ${job.pool} is paused.`;
  return lacksLevel(job) ? ` It waits: no executor offers ${job.min_sandbox}.` : "";
}

// --- what a person does to a job: the same on every page ------------------------------------------
// The job whose parameters are being asked for; the shell shows the form.
export const asking = reactive({ job: null });

export async function startRun(job, parameters) {
  const { run_id: runId } = await api(`/jobs/${job.id}/run`, { method: "POST", ...(parameters ? { body: { parameters } } : {}) });
  toast(`Asked for a run of ${job.name}.${heldBack(job)}`, { href: `/runs/${runId}` });
}

export const jobActions = {
  runNow: async (job) => {
    if (job.parameters.length) asking.job = { ...job };
    else await attempt(() => startRun(job));
  },
  // Ask for a run like that one; `args` null: with the same arguments.
  runAgain: async (run, args = null) => {
    const { run_id: runId } = await api(`/runs/${run.id}/rerun`, { method: "POST", body: { args } });
    return runId;
  },
  // Nobody is told that the job fails, for an hour or until it succeeds. Resolves to its mute; null: it failed.
  mute: (job, onUnmuted) =>
    attempt(async () => {
      const mute = await api(`/jobs/${job.id}/mute`, { method: "POST" });
      toast(`${job.name} is muted until ${when(mute.until)}, or until it succeeds.`, { undo: () => jobActions.unmute(job).then(onUnmuted) });
      return mute;
    }, null),
  unmute: (job) => attempt(() => api(`/jobs/${job.id}/mute`, { method: "DELETE" }), null),
  pause: (job) => attempt(() => api(`/jobs/${job.id}/pause`, { method: "POST" })),
  // catchUp: none | latest | all, of the instants that passed in the pause.
  resume: (job, catchUp = "none") =>
    attempt(() => api(`/jobs/${job.id}/resume`, { method: "POST", body: { catch_up: catchUp } })),
  // Run the instants of (after, until] after the fact; the scheduler makes the runs.
  backfill: (jobId, range, words) =>
    attempt(async () => {
      await api(`/jobs/${jobId}/backfill`, { method: "POST", body: range });
      toast(words);
      return true;
    }, false),
  // Deleting is soft: the toast can undo it. Resolves to true when the job is gone.
  remove: (job, onRestored) =>
    attempt(async () => {
      await api(`/jobs/${job.id}`, { method: "DELETE" });
      const undo = () =>
        attempt(async () => {
          await api(`/jobs/${job.id}/restore`, { method: "POST" });
          toast(`${job.name} is back.`);
          onRestored?.();
        });
      toast(`Deleted ${job.name}.`, { undo, forMs: 12_000 });
      return true;
    }, false),
};

// --- one health object for pill, banner and counts ------------------------------------------------
export const health = reactive({
  state: "ok", title: "", sentence: "", since: null, executors_online: 0, waiting: 0, running: 0, freeze: null, paused_pools: [], unserved: [], ailing: [], offers: {},
});

// The stream tells the health when it is subscribed to, and then when it changes.
export function followHealth() {
  return follow("health", (items) => items.length && Object.assign(health, items.at(-1)));
}

// Call when nobody has asked for `ms`, the last call winning: bursts of changes become one fetch. Changes
// that never pause must not put it off for ever: of those it takes no more than `most`.
export function debounced(action, ms, most = 1000 + 2 * ms) {
  let timer = 0;
  let first = 0;
  return (...args) => {
    const now = Date.now();
    if (!timer) first = now;
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; action(...args); }, Math.max(0, Math.min(ms, first + most - now)));
  };
}

// A dialog that few open: it is fetched when it is opened first, and is itself from then on.
export const later = (load) => ({
  inheritAttrs: false,
  template: `<component :is="it" v-if="it" v-bind="$attrs" ref="it" />`,
  data: () => ({ it: null }),
  methods: {
    async open(...given) {
      if (!this.it) {
        const it = await attempt(() => load().catch(() => { throw new ApiError(0, { detail: SILENT }); }), null);
        if (!it) return;
        this.it ??= markRaw(it);
        await this.$nextTick();
      }
      this.$refs.it.open(...given);
    },
  },
});

// --- the keyboard -------------------------------------------------------------------------------
export const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog[open]") != null;

// Call `actions[key](event)` for keys that are pressed alone, while nobody types; returns how to stop.
export function onKeys(actions) {
  const listener = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    if (Object.hasOwn(actions, event.key)) actions[event.key](event);
  };
  addEventListener("keydown", listener);
  return () => removeEventListener("keydown", listener);
}

// The job whose page, or editor, this is.
export const jobAtHand = () => /^\/jobs\/([0-9a-f-]{36})(?:\/|$)/.exec(location.pathname)?.[1] ?? null;

// One popover per list: opened under the button that was pressed, kept on the screen.
export function openUnder(popover, button) {
  popover.showPopover();
  const from = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  popover.style.left = `${Math.max(8, Math.min(from.right - width, innerWidth - width - 8))}px`;
  popover.style.top = `${from.bottom + 4 + height > innerHeight ? Math.max(8, from.top - height - 4) : from.bottom + 4}px`;
}

// The address names the attempt, so that it can be linked to; a line of another one's log means nothing here.
export function chooseAttempt(chosen, number) {
  if (chosen.number === number) return;
  chosen.number = number;
  history.replaceState(history.state, "", location.pathname + query({ attempt: number }));
}

// The run a page is about, shared by the components that show it. Follows the stream; the REST answer is
// the truth, an event only says that it is worth asking.
const watched = new Map();

export function watchRun(initial) {
  if (!watched.has(initial.id)) {
    const run = reactive({ ...toldAll(initial) });
    const asked = run.attempts.find((one) => String(one.number) === fromUrl("attempt"))?.number;
    // Which attempt the components show; null: the newest, also when another one follows.
    const chosen = reactive({ number: asked === run.attempts.at(-1)?.number ? null : asked ?? null });
    const load = debounced(() => api(`/runs/${run.id}`).then((fresh) => Object.assign(run, fresh), () => {}), 60);
    follow(`run:${run.id}`, (items) => { Object.assign(run, items.at(-1)); load(); }, { load });
    // Counts how often the log that is shown turned out to be whole.
    const seen = reactive({ whole: 0 });
    watched.set(run.id, { run, chosen, seen, load });
  }
  return watched.get(initial.id);
}
