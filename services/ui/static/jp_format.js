// How the portal says things: times in the reader's zone, durations, numbers, states and their icons.
// Every page and component formats through this file, so that one instant reads the same everywhere.
import { computed, h, reactive } from "vue";
import { isChinese, locale } from "jp_words";

export const prefs = reactive({ zone: "Asia/Hong_Kong", theme: "auto", density: "comfortable", language: "auto" });

// One timer for everything that is "ago" or "in": the server never formats a relative time.
export const tick = reactive({ now: Date.now() });
setInterval(() => document.hidden || (tick.now = Date.now()), 1000);
document.addEventListener("visibilitychange", () => document.hidden || (tick.now = Date.now()));

const narrowQuery = matchMedia("(max-width: 899px)");
const tinyQuery = matchMedia("(max-width: 459px)");
export const screenSize = reactive({ narrow: narrowQuery.matches, tiny: tinyQuery.matches });
narrowQuery.addEventListener("change", (event) => (screenSize.narrow = event.matches));
tinyQuery.addEventListener("change", (event) => (screenSize.tiny = event.matches));

// --- numbers ----------------------------------------------------------------------------------
const THOUSANDS = isChinese ? "," : "\u202f";
const NO_BREAK = "\u00a0";

export function count(value) {
  return value == null ? "–" : String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, THOUSANDS);
}

export function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "KB", "MB", "GB"];
  let index = 0;
  for (; value >= 1000 && index < units.length - 1; index++) value /= 1000;
  return `${index && value < 9.95 ? value.toFixed(1) : Math.round(value)}${NO_BREAK}${units[index]}`;
}

export function plural(value, one, many = `${one}s`) {
  // Where nouns have no plural, the catalogue says the whole: "# 項工作".
  if (one.includes("#")) return one.replace("#", count(value)).replace(" ", NO_BREAK);
  return `${count(value)}${NO_BREAK}${value === 1 ? one : many}`;
}

// --- durations --------------------------------------------------------------------------------
const UNITS = [[(n) => `${n} d`, 86_400], [(n) => `${n} h`, 3_600], [(n) => `${n} m`, 60], [(n) => `${n} s`, 1]];
const bound = (words) => words.replace(" ", NO_BREAK);

// Two units at most: "3 d 4 h", "1 m 12 s". Input in milliseconds.
export function span(ms, parts = 2) {
  let left = Math.max(0, Math.round(ms / 1000));
  const words = [];
  for (const [said, size] of UNITS) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount || words.length || size === 1) words.push(bound(said(amount)));
    if (words.length === parts) break;
  }
  while (words.length > 1 && words.at(-1).startsWith(`0${NO_BREAK}`)) words.pop();
  return words.join(" ");
}

export function duration(ms) {
  if (ms == null) return "–";
  if (ms < 1000) return bound(`${Math.round(ms)} ms`);
  if (ms < 59_950) return bound(`${(ms / 1000).toFixed(1)} s`);
  return span(ms);
}

export function seconds(value) {
  return value == null ? "–" : span(value * 1000);
}

export const ago = (iso, now) => (iso ? `${span(now - Date.parse(iso), 1)} ago` : "–");

export function until(iso, now) {
  const ms = Date.parse(iso) - now;
  return ms <= 0 ? "due now" : `in ${span(Math.ceil(ms / 1000) * 1000)}`;
}

// --- instants ---------------------------------------------------------------------------------
const formatters = new Map();

function formatter(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formatters.has(key)) {
    formatters.set(key, new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return formatters.get(key);
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const STYLES = {
  instant: { weekday: "short", day: "numeric", month: "short", ...CLOCK },
  minute: { hour: "2-digit", minute: "2-digit" },
  clock: CLOCK,
  log: { ...CLOCK, fractionalSecondDigits: 3 },
  day: { weekday: "long", day: "numeric", month: "short" },
};
const YEAR = { year: "numeric" };

// A date says its year only where that is another one than now.
function dated(at, zone, options) {
  const yearOf = (instant) => formatter(zone, YEAR).format(instant);
  const all = options.month && yearOf(at) !== yearOf(Date.now()) ? { ...options, ...YEAR } : options;
  // "Sept" is what the browsers' en-GB says of that one month; every other has three letters.
  return formatter(zone, all).format(at).replaceAll(",", "").replace("Sept ", "Sep ");
}

export const local = (iso, style = "instant", zone = prefs.zone) => dated(new Date(iso), zone, STYLES[style]);

export function hasSeconds(iso) {
  const at = new Date(iso);
  return Boolean(at.getUTCSeconds() || at.getUTCMilliseconds());
}

// As short as it stays exact: seconds only where there are any, or where others in the same column have.
export function when(iso, zone = prefs.zone, exact = hasSeconds(iso)) {
  return dated(new Date(iso), zone, { ...STYLES.instant, ...(exact ? {} : { second: undefined }) });
}

// "2026-03-04T09:00:00" on the clocks of the zone, for <input type="datetime-local">.
export function wallTime(iso, zone = prefs.zone) {
  const all = { year: "numeric", month: "2-digit", day: "2-digit", ...CLOCK };
  const is = Object.fromEntries(formatter(zone, all).formatToParts(new Date(iso)).map(({ type, value }) => [type, value]));
  return `${is.year.padStart(4, "0")}-${is.month}-${is.day}T${is.hour}:${is.minute}:${is.second}`;
}

// The instant at which the zone's clocks show this, in ISO 8601; the first one where they show it twice, and
// null where they never do.
export function instantAt(wall, zone = prefs.zone) {
  const shown = /T\d\d:\d\d$/.test(wall) ? `${wall}:00` : wall.slice(0, 19);
  const naive = Date.parse(`${shown}Z`);
  if (Number.isNaN(naive)) return null;
  const offsets = [-1, 1].map((days) => {
    const near = naive + days * 86_400_000;
    return Date.parse(`${wallTime(near, zone)}Z`) - near;
  });
  const found = offsets.map((offset) => naive - offset).filter((at) => wallTime(at, zone) === shown);
  return found.length ? new Date(Math.min(...found)).toISOString() : null;
}

export function utc(iso) {
  return `${new Date(iso).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

export function zoneOffset(zone = prefs.zone) {
  const parts = formatter(zone, { timeZoneName: "shortOffset" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName").value.replace("GMT", "UTC");
}

// --- what scripts print -----------------------------------------------------------------------
const ESCAPES = /\x1b\[[0-9;:?<=>]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;

// Escape sequences go; other control characters are shown as their pictures: they are kept, and cannot act.
export function plain(text) {
  const bare = text.includes("\x1b") ? text.replace(ESCAPES, "") : text;
  return bare.replace(CONTROLS, (char) => String.fromCharCode(char === "\x7f" ? 0x2421 : 0x2400 + char.charCodeAt(0)));
}

// --- states -----------------------------------------------------------------------------------
export const STATES = {
  held: { word: "Held", icon: "pause", tone: "queued" },
  queued: { word: "Queued", icon: "lines", tone: "queued" },
  running: { word: "Running", icon: "arc", tone: "running" },
  succeeded: { word: "Succeeded", icon: "check", tone: "succeeded" },
  failed: { word: "Failed", icon: "cross", tone: "failed" },
  timed_out: { word: "Timed out", icon: "clock", tone: "timed_out" },
  cancelled: { word: "Cancelled", icon: "ban", tone: "cancelled" },
  lost: { word: "Lost", icon: "question", tone: "lost" },
  skipped: { word: "Skipped", icon: "skip", tone: "skipped" },
  missed: { word: "Missed", icon: "gone", tone: "missed" },
};
const UNHAPPY = new Set(["failed", "timed_out", "lost"]);

export const toneOf = (state) => STATES[state]?.tone ?? "skipped";
export const wordOf = (state) => STATES[state]?.word ?? state;
export const isUnhappy = (state) => UNHAPPY.has(state);
export const isActive = (state) => state === "held" || state === "queued" || state === "running";

// What decided over a run, and for the table one or two words of it.
export const REASONS = {
  overlap: { word: "Overlap", text: "Another run of the job stood in its way." },
  coincides: { word: "Same instant", text: "Another schedule of the job names the same instant, and ran for both." },
  calendar: { word: "Calendar", text: "A calendar excludes that instant." },
  deadline: { word: "Deadline", text: "It was not started before its deadline." },
  paused: { word: "Paused", text: "The job was paused before that instant." },
  edited: { word: "Edited", text: "The schedule was edited before that instant." },
  deleted: { word: "Deleted", text: "The job was deleted before that instant." },
  downtime: { word: "Downtime", text: "No scheduler was there at that instant." },
  "start-error": { word: "Start error", text: "The script could not be started." },
  "script-changed": { word: "Script changed", text: "" },
  environment: { word: "No environment", text: "" },
  output: { word: "Output", text: "The script printed more than its output cap allows." },
  disk: { word: "Disk", text: "The executor's disk was full." },
  "memory-limit": { word: "Memory", text: "It used more memory than its job allows." },
  "process-limit": { word: "Processes", text: "It had more processes than its job allows." },
  "disk-limit": { word: "Disk limit", text: "It used more disk than its job allows." },
  "cpu-limit": { word: "CPU time", text: "It used more processor time than its job allows." },
  silent: { word: "Silent", text: "The executor went silent while the script ran." },
  "executor-gone": { word: "Executor gone", text: "The executor ended while the script ran." },
  revoked: { word: "Revoked", text: "The attempt was taken back from its executor." },
  requested: { word: "Asked for", text: "Somebody asked for it." },
  braked: { word: "Braked", text: "The job started by itself too often." },
  late: { word: "Late", text: "The executor's report came late." },
};

// What an overlap meant depends on what the run became; who stood in the way is in the run's detail.
const OVERLAPS = {
  skipped: "Another run was still going or waiting, and the job's rule is to skip.",
  cancelled: "A newer run took its place.",
  held: "It starts when the run before it has ended.",
};

// The instants of a missed range: how many, from when to when.
export function rangeOf(run) {
  return run.instants > 1 ? `${plural(run.instants, "instant")}, ${when(run.nominal_at)} to ${when(run.nominal_until)}` : "";
}

// For these, the run's own detail says all that the general sentence would.
const SAID_BY_DETAIL = new Set(["overlap", "coincides", "deadline", "downtime", "paused", "edited", "deleted", "requested", "braked", "memory-limit", "process-limit", "disk-limit", "cpu-limit"]);

const ended = (words) => (/[.!?。！？]$/u.test(words) ? words : words + (isChinese ? "。" : "."));

// One sentence of why a run is in its state, or "" where the state says it all.
export function reasonOf(run) {
  const general = (run.reason === "overlap" && OVERLAPS[run.state]) || REASONS[run.reason]?.text || "";
  const detail = run.detail && ended(run.detail);
  const range = rangeOf(run);
  const text = detail && SAID_BY_DETAIL.has(run.reason) ? "" : general;
  if (run.reason === "calendar" && detail) return `Excluded: ${detail}`;
  return [text, detail && detail[0].toUpperCase() + detail.slice(1), range && ended(range)].filter(Boolean).join(isChinese ? "" : " ");
}

export function exitOf(run) {
  if (run.signal != null) return `signal ${run.signal}`;
  return run.exit_code == null ? "–" : String(run.exit_code);
}

// Why a job that is followed has no next run: for the list, and as a sentence.
// `isSaid`: the words of the schedule say it already.
export const NO_NEXT = {
  manual: { word: "Manual only", text: "Only when somebody runs it", isSaid: true },
  after: { word: "After others", text: "When the jobs before it have ended", isSaid: true },
  completed: { word: "Completed", text: "None: its schedule is completed" },
  excluded: { word: "None in sight", text: "None in sight: its calendars leave out what comes next" },
};

export const CAUSES = {
  schedule: "Schedule", manual: "Manual", api: "API", chain: "Chain", backfill: "Backfill", rerun: "Re-run",
};

// --- small components -------------------------------------------------------------------------
const ICONS = {
  check: "M3.5 8.5l3 3 6-7", cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2 1.3",
  ban: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6",
  question: "M5.8 6.1a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6M8 12.4v.1",
  skip: "M3.5 4l5 4-5 4zM12 4v8", pause: "M5.75 4v8M10.25 4v8", lines: "M3 4.5h10M3 8h10M3 11.5h6",
  gone: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.6M8 11v.1",
  hands: "M8 3.5v5l3 2", arc: "M8 2.5a5.5 5.5 0 1 1-5.2 3.7",
  home: "M2.5 7.5L8 2.75l5.5 4.75M4 6.5v6.75h3V9.5h2v3.75h3V6.5", list: "M2.5 4h11M2.5 8h7M2.5 12h9",
  play: "M4.5 3l8 5-8 5z", server: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1",
  calendar: "M3 4.25h10v9H3zM3 7h10M5.500 2.500v3M10.500 2.500v3",
  plus: "M8 3v10M3 8h10", more: "M3.4 8a.4.4 0 1 0 .8 0a.4.4 0 1 0-.8 0M7.6 8a.4.4 0 1 0 .8 0a.4.4 0 1 0-.8 0M11.8 8a.4.4 0 1 0 .8 0a.4.4 0 1 0-.8 0", pencil: "M3 13l.7-3 7-7 2.3 2.3-7 7zM9.5 4.2l2.3 2.3",
  bin: "M3 4.5h10M6.5 4.5v-1.75h3v1.75M4.5 4.5l.5 8.75h6l.5-8.75M6.75 7v3.75M9.25 7v3.75",
  warning: "M8 2.5l6 10.75H2zM8 6.5v3M8 11.5v.1", down: "M8 3v9.5M4 8.75L8 12.75l4-4",
  up: "M8 13V3.5M4 7.25L8 3.25l4 4", chevron: "M4 6.25L8 10.25l4-4", download: "M8 2.5v7.5M4.75 7L8 10.25 11.25 7M3 13.25h10",
  search: "M7 2.75a4.25 4.25 0 1 0 0 8.5a4.25 4.25 0 1 0 0-8.5M10.2 10.2l3.3 3.3", person: "M8 2.75a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M3 13.5c.4-2.7 2.4-4 5-4s4.600 1.300 5 4",
  link: "M6.500 9.500l3-3M7.250 4.750l1.500-1.500a2.800 2.800 0 0 1 4 4l-1.500 1.500M8.750 11.250l-1.500 1.500a2.800 2.800 0 0 1-4-4l1.500-1.500",
  week: "M2.5 4h11v9.500h-11zM2.5 7h11M5.500 2.500v3M10.500 2.500v3M5.500 9.500h.1M8 9.500h.1M10.500 9.500h.1",
  snow: "M8 2v12M2.8 5l10.4 6M13.2 5L2.8 11M6.4 3l1.6 1.500L9.600 3M6.400 13L8 11.500L9.600 13",
  shield: "M8 1.500l5.500 2v4c0 3.500-2.300 6-5.500 7-3.200-1-5.500-3.500-5.500-7v-4z",
  bell: "M4 11.250c.7-.8 1-1.700 1-3.500a3 3 0 0 1 6 0c0 1.800.3 2.700 1 3.500zM6.750 13.250h2.500",
  mute: "M4 11.250c.7-.8 1-1.700 1-3.500a3 3 0 0 1 6 0c0 1.800.3 2.700 1 3.500zM6.750 13.250h2.500M2.750 2.750l10.500 10.500",
  key: "M5.250 6.500a3.250 3.250 0 1 0 0 6.500a3.250 3.250 0 1 0 0-6.500M7.600 7.400L13 2.500M10.500 4.800l2 2M11.900 3.500l1.300 1.300",
  sliders: "M2.500 5h6M12 5h1.500M10.250 3.250v3.500M2.500 11h1.500M7.500 11h6M5.750 9.250v3.500",
  undo: "M5.500 3L2.500 6l3 3M2.500 6h7a3.750 3.750 0 0 1 0 7.500H6",
  expand: "M3 6.250V3h3.250M9.750 3H13v3.250M13 9.750V13h-3.250M6.250 13H3V9.750",
  power: "M8 2.500v5.500M4.600 4.600a5 5 0 1 0 6.800 0",
};

export const JpIcon = (props) =>
  h("svg", { viewBox: "0 0 16 16", class: ["jp-icon", props.spin && "jp-icon--spin"], "aria-hidden": "true" }, [
    h("path", { d: ICONS[props.name] }),
  ]);
JpIcon.props = ["name", "spin"];

// Somebody asked for the end of a run that has not ended.
export const isStopping = (run) => Boolean(run.stop_asked_at) && isActive(run.state);

// State = icon + word + colour, never colour alone. `stopping`: its end was asked for.
export const JpChip = (props) => {
  const { state, stopping } = props;
  const word = state === "running" ? "Stopping…" : "Cancelling…";
  return h("span", { class: ["jp-chip", `jp-tone--${stopping ? "cancelled" : toneOf(state)}`] }, [
    h(JpIcon, { name: stopping ? "ban" : STATES[state]?.icon ?? "question", spin: !stopping && state === "running" }),
    stopping ? word : wordOf(state),
  ]);
};
JpChip.props = ["state", "stopping"];

// Local time to read, UTC on hover and for machines.
export const JpTime = (props) =>
  props.at
    ? h("time", { datetime: props.at, title: utc(props.at) }, props.look === "when" ? when(props.at) : local(props.at, props.look ?? "instant"))
    : h("span", { class: "jp-muted" }, "–");
JpTime.props = ["at", "look"];

// A sentence in pieces, as the API says it: text, instants in the reader's zone, durations.
export const JpWords = (props) =>
  (props.pieces ?? []).map((piece) => {
    if (piece.at) return h("time", { datetime: piece.at, title: utc(piece.at) }, when(piece.at));
    return piece.ms == null ? piece.text : duration(piece.ms);
  });
JpWords.props = ["pieces"];

// A time that ticks: its own component with a computed text, so that only a changed word is drawn again.
export const JpRelative = {
  props: { at: String, way: { type: String, default: "ago" } },
  setup(props) {
    const text = computed(() => (props.way === "in" ? until(props.at, tick.now) : ago(props.at, tick.now)));
    return () =>
      props.at
        ? h("time", { datetime: props.at, title: `${local(props.at)} · ${utc(props.at)}` }, text.value)
        : h("span", { class: "jp-muted" }, "–");
  },
};

// The last runs as bars. Failures are taller: the strip reads without colour.
export const JpStrip = (props) => {
  const runs = (props.runs ?? []).slice(-20);
  const heights = (state) => (isUnhappy(state) ? 18 : state === "skipped" || state === "missed" ? 6 : 12);
  const tally = new Map();
  for (const run of runs) tally.set(wordOf(run.state), (tally.get(wordOf(run.state)) ?? 0) + 1);
  const words = [...tally].map(([word, n]) => `${n} ${word.toLowerCase()}`).join(", ");
  const bars = Array.from({ length: 20 }, (_, slot) => {
    const run = runs[slot - (20 - runs.length)];
    const height = run ? heights(run.state) : 2;
    return h("rect", {
      x: slot * 6, y: 18 - height, width: 5, height, rx: 1,
      class: run ? `jp-fill--${toneOf(run.state)}` : "jp-fill--none",
    }, run && [h("title", `#${run.number} ${wordOf(run.state)} · ${duration(run.duration_ms)}`)]);
  });
  return h("svg", {
    viewBox: "0 0 119 18", class: "jp-strip", role: "img",
    "aria-label": runs.length ? `Last ${plural(runs.length, "run")}: ${words}` : "No runs yet",
  }, bars);
};
JpStrip.props = ["runs"];

export const parts = { JpIcon, JpChip, JpTime, JpWords, JpRelative, JpStrip };
