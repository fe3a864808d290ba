// What changed in a job's definition, in the words of its form; used by its versions, the editor, Activity.
import { bytes, seconds } from "jp_format";
import { word } from "jp_words";

const FIELDS = {
  executor: "Executor", sandbox: "Sandbox", sandbox_features: "Sandbox, how", environment: "Environment made ready first",
  name: "Name", script: "Script", pinned_sha256: "Pinned script", args: "Arguments", description: "Description", schedules: "Schedule",
  timeout_s: "Timeout", kill_grace_s: "Grace before the kill", on_lost: "If lost", pool: "Pool", limit_key: "Shared limit", tags: "Tags",
  max_output_bytes: "Output kept of a run", merge_output: "Merge stderr into stdout", network: "Network", min_sandbox: "Sandbox, at least",
  parameters: "Parameters", secrets: "Secrets", overlap: "If the previous run is still going",
  "runs_after.join": "Runs after, how many of them", "runs_after.jobs": "Runs after",
  "policy.on_missed": "If the portal was down", "policy.catch_up_s": "Catch up at most", "policy.start_deadline_s": "Give up a run not started within",
  "policy.jitter_s": "Spread starts over", "policy.starts_at": "Not before", "policy.ends_at": "Not after", "policy.max_runs": "End after so many runs",
  "policy.max_concurrent": "Runs at once", "policy.include": "Only in these calendars", "policy.exclude": "Not in these calendars",
  "policy.keep_days": "Keep its runs for, days", "policy.keep_runs": "Keep of its runs at most", "policy.keep_bytes": "Keep of its output at most",
  policy: "Rules", resources: "Resources", runs_after: "Runs after",
  "resources.memory_bytes": "Memory", "resources.cpu_s": "CPU time", "resources.disk_bytes": "Disk", "resources.processes": "Processes",
  "resources.open_files": "Open files", "resources.nice": "Gives way to others",
};
// Of a parameter its own name.
export const fieldWord = (field) => /^parameters\.(.+)$/.exec(field)?.[1] ?? FIELDS[field] ?? FIELDS[field.split(".")[0]] ?? field.replace(/^policy\./, "").replaceAll("_", " ");

// A value as a person would type it; what nobody has a word for stays JSON.
export function valueSaid(field, value) {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length)) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (field.endsWith("_bytes")) return bytes(value);
  if (field.endsWith("_s")) return seconds(value);
  if (field.endsWith("sha256")) return value.slice(0, 12);
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" ? one.label || one.name || JSON.stringify(one) : String(one))).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// Signs and words say what is old and new; every text is a text node. `mine`: fields that are told apart.
export const JpChanges = {
  props: { changes: Array, mine: { type: Array, default: () => [] } },
  template: `
  <ul class="jp-changes"><li v-for="one in changes" :key="one.field">
    <span class="jp-changes__field">{{ word(one.field) }}</span>
    <del><span class="jp-clip">was </span>{{ one.was ?? said(one.field, one.before) }}</del><span aria-hidden="true">→</span>
    <ins><span class="jp-clip">is </span>{{ one.is ?? said(one.field, one.after) }}</ins>
    <span v-if="isMine(one.field)" class="jp-chip jp-tone--missed">you changed it, too</span>
  </li></ul>`,
  methods: { word: fieldWord, said: valueSaid, isMine(field) { return this.mine.some((one) => field === one || field.startsWith(`${one}.`)); } },
};

export const DEEDS = {
  "job-known": "This is how it was before changes were kept", "job-created": "Created", "job-edited": "Edited", "job-reverted": "Went back",
  "job-paused": "Paused", "job-resumed": "Resumed", "job-deleted": "Deleted", "job-restored": "Restored", "job-muted": "Muted", "job-unmuted": "Unmuted", "script-accepted": "Accepted the new script",
  "script-uploaded": "Uploaded script", "script-replaced": "Replaced script",
  "calendar-created": "Created calendar", "calendar-edited": "Edited calendar", "calendar-deleted": "Deleted calendar",
  "secret-stored": "Stored secret", "secret-described": "Described secret", "secret-deleted": "Deleted secret",
  "limit-set": "Set shared limit", "limit-forgotten": "Removed shared limit", "pool-paused": "Paused pool", "pool-resumed": "Resumed pool",
  "executor-drained": "Drained executor", "executor-resumed": "Resumed executor", "freeze-begun": "Froze everything", "freeze-lifted": "Lifted the freeze",
  "signed-in": "Signed in", "sign-in-refused": "Sign-in refused", "signed-out": "Signed out", "password-set": "Set a password", "user-created": "Created user", "user-edited": "Edited user",
  "token-created": "Created token", "token-revoked": "Revoked token", refused: "Was refused",
  "rule-set": "Set alert rule", "rule-deleted": "Deleted alert rule", "channel-set": "Set alert channel", "channel-deleted": "Deleted alert channel",
};
export const deedIcon = (kind) => ({ created: "plus", edited: "pencil", reverted: "undo", paused: "pause", resumed: "power", deleted: "bin", restored: "undo", accepted: "check", uploaded: "up", muted: "mute", unmuted: "bell", replaced: "up",
  stored: "key", described: "pencil", set: "pencil", forgotten: "bin", drained: "pause", begun: "snow", lifted: "snow", known: "clock", in: "person", out: "power", refused: "cross", revoked: "bin" })[kind.split("-").at(-1)] ?? "check";
export const byWhom = (by) => (!by || by === "local" ? word("somebody") : by);
