// The rules of a job in the form: what may be caught up, what overlaps, when it starts and ends.
import { bytes, instantAt, parts, plural, prefs, seconds as inWords, wallTime, when } from "jp_format";
import { isLimit, JpLimits, limitsOf, pacePolicy, paceSaid } from "jp_limits";
import { isOutput, JpOutput, outputOf } from "jp_output";
import { isResource, JpResources, resourcesOf } from "jp_resources";
import { isRetry, JpRetries, Length, retriesSaid, retryPolicy, triesOf } from "jp_retries";
import { FieldError, inUnits, UNITS, whole } from "jp_schedule";
import { sentences } from "jp_words";

const OVERLAP = {
  skip: ["Skip the new one", "skips a run while the one before is going"],
  "queue-one": ["Let one wait", "lets one run wait for the one before"],
  "queue-all": ["Let all wait, one after another", "lets runs wait for the one before"],
  allow: ["Run side by side", "lets runs overlap"],
  "cancel-previous": ["Stop the previous one", "stops the previous run for a new one"],
};
const MISSED = {
  latest: ["Run the latest missed", "runs the latest missed instant once it is back"],
  all: ["Run every missed (at most 100)", "runs every missed instant once it is back, at most 100"],
  skip: ["Run none", "runs nothing of what was missed"],
};
const FIELDS = ["overlap", "on_missed", "catch_up_s", "max_concurrent", "start_deadline_s", "jitter_s", "starts_at", "ends_at", "max_runs", "include", "exclude", "on_excluded", "keep_days", "keep_runs", "keep_bytes"];

export const isRule = (field) => FIELDS.includes(field) || isRetry(field) || isLimit(field) || isOutput(field) || isResource(field) || field === "policy";

const length = (seconds) => (seconds ? inUnits(seconds) : { amount: "", unit: "m" });
const moment = (iso) => (iso ? wallTime(iso).slice(0, 16) : "");

export function rulesOf(job) {
  const policy = job?.policy ?? {};
  return {
    overlap: job?.overlap ?? "skip", lost: job?.on_lost ?? "fail", missed: policy.on_missed ?? "latest", most: String(policy.max_concurrent ?? ""),
    catchUp: length(policy.catch_up_s), deadline: length(policy.start_deadline_s), jitter: length(policy.jitter_s),
    starts: moment(policy.starts_at), ends: moment(policy.ends_at), runs: String(policy.max_runs ?? ""), keepDays: String(policy.keep_days ?? ""), keepRuns: String(policy.keep_runs ?? ""), keepMb: policy.keep_bytes == null ? "" : String(policy.keep_bytes / 1e6),
    include: [...(policy.include ?? [])], exclude: [...(policy.exclude ?? [])], excluded: policy.on_excluded ?? "skip",
    tries: triesOf(policy), limits: limitsOf(job), output: outputOf(job), resources: resourcesOf(job),
  };
}

// Empty means "no such rule"; what is no number goes to the server as it is, which says so at the field.
const number = (text) => (text.trim() === "" ? null : whole(text) ?? text.trim());
const megabytes = (text) => { const n = number(text); return typeof n === "number" ? n * 1e6 : n; };
const seconds = ({ amount, unit }) => { const n = number(amount); return typeof n === "number" ? n * UNITS[unit][0] : n; };
const instant = (text, known) => (text === "" ? null : known && moment(known) === text ? known : instantAt(text) ?? text);

export function policyOf(rules, job) {
  return {
    on_missed: rules.missed, catch_up_s: seconds(rules.catchUp), max_concurrent: rules.overlap === "allow" ? number(rules.most) : null,
    start_deadline_s: seconds(rules.deadline), jitter_s: seconds(rules.jitter) ?? 0,
    starts_at: instant(rules.starts, job?.policy?.starts_at), ends_at: instant(rules.ends, job?.policy?.ends_at), max_runs: number(rules.runs),
    include: rules.include, exclude: rules.exclude, on_excluded: rules.excluded,
    keep_days: number(rules.keepDays), keep_runs: number(rules.keepRuns), keep_bytes: megabytes(rules.keepMb), ...retryPolicy(rules.tries), ...pacePolicy(rules.limits),
  };
}

// The rules in words, the usual ones too: what a person reads before saving.
export function wordsOf(rules, isManual) {
  const lost = rules.lost === "fail" ? "If its executor is lost, a run is not started again." : "If its executor is lost, a run is started again.";
  const tries = retriesSaid(retryPolicy(rules.tries));
  const again = tries ? [`${tries}.`, lost] : [lost];
  if (isManual) return sentences(again);
  const said = [`It ${OVERLAP[rules.overlap][1]}${rules.overlap === "allow" && whole(rules.most) ? `, ${plural(whole(rules.most), "run")} at most` : ""}.`, `If the portal was down, it ${MISSED[rules.missed][1]}.`, ...again];
  return sentences(said);
}

// What a job's policy says beyond the usual, a line each: for its page.
export function rulesSaid(policy) {
  const { on_missed: missed, catch_up_s: catchUp, start_deadline_s: deadline, jitter_s: jitter, starts_at: starts, ends_at: ends, max_runs: most, include, exclude, on_excluded: excluded, keep_days: days, keep_runs: kept, keep_bytes: printed } = policy;
  const otherwise = excluded === "move" ? "moves to the next day that is allowed" : "is skipped";
  return [
    missed !== "latest" && `If the portal was down, it ${MISSED[missed][1]}`,
    catchUp && `Catches up at most ${inWords(catchUp)} back`,
    deadline && `Missed if not started within ${inWords(deadline)}`,
    jitter && `Starts are spread over ${inWords(jitter)}`,
    starts && `Not before ${when(starts)}`,
    ends && `Not after ${when(ends)}`,
    most && `Ends after ${plural(most, "scheduled run")}`,
    include.length && `Only in ${plural(include.length, "calendar")}; what is outside ${otherwise}`,
    exclude.length && `Not in ${plural(exclude.length, "calendar")}; what is inside ${otherwise}`,
    (days || kept || printed) && `Keeps ${[days && `runs for ${plural(days, "day")}`, kept && `at most ${plural(kept, "run")}`, printed && `at most ${bytes(printed)} of output`].filter(Boolean).join(", ")}`,
    retriesSaid(policy), paceSaid(policy),
  ].filter(Boolean);
}

export const JpRules = {
  components: { ...parts, FieldError, JpLimits, JpOutput, JpResources, JpRetries, Length },
  props: { rules: Object, errors: Object, calendars: Array },
  template: `
  <div class="jp-rulesets"><details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Rules</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body">
      <div class="jp-form__pair">
        <div class="jp-field"><label for="jp-f-overlap">If the previous run is still going</label><select id="jp-f-overlap" class="jp-select" v-model="rules.overlap"><option v-for="(words, key) in overlaps" :key="key" :value="key">{{ words[0] }}</option></select>
          <div v-if="rules.overlap === 'allow'" class="jp-line"><label for="jp-f-max_concurrent">At most</label><input id="jp-f-max_concurrent" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" placeholder="any" v-model="rules.most" v-bind="aria('max_concurrent')"><span>at once</span></div>
          <FieldError id="jp-e-max_concurrent" :text="said('max_concurrent')" /></div>
        <div class="jp-field"><label for="jp-f-on_missed">If the portal was down</label><select id="jp-f-on_missed" class="jp-select" v-model="rules.missed"><option v-for="(words, key) in misses" :key="key" :value="key">{{ words[0] }}</option></select></div>
        <Length v-if="rules.missed !== 'skip'" id="jp-f-catch_up_s" label="Catch up at most this far back" hint="Empty: 24 hours, and 7 days for a run that comes once." :value="rules.catchUp" :error="said('catch_up_s')" />
        <Length id="jp-f-start_deadline_s" label="Give up a run not started within" hint="Empty: it waits as long as it takes." :value="rules.deadline" :error="said('start_deadline_s')" />
        <Length id="jp-f-jitter_s" label="Spread starts over" hint="Each instant starts up to this much later, always by the same." :value="rules.jitter" :error="said('jitter_s')" />
        <div class="jp-field"><label for="jp-f-starts_at">Not before</label><input id="jp-f-starts_at" type="datetime-local" class="jp-input" v-model="rules.starts" v-bind="aria('starts_at')"><span class="jp-hint">In {{ prefs.zone }}.</span><FieldError id="jp-e-starts_at" :text="said('starts_at')" /></div>
        <div class="jp-field"><label for="jp-f-ends_at">Not after</label><input id="jp-f-ends_at" type="datetime-local" class="jp-input" v-model="rules.ends" v-bind="aria('ends_at')"><span class="jp-hint">In {{ prefs.zone }}.</span><FieldError id="jp-e-ends_at" :text="said('ends_at')" /></div>
        <div class="jp-field"><label for="jp-f-max_runs">End after so many scheduled runs</label><input id="jp-f-max_runs" class="jp-input" inputmode="numeric" autocomplete="off" placeholder="never" v-model="rules.runs" v-bind="aria('max_runs')"><FieldError id="jp-e-max_runs" :text="said('max_runs')" /></div>
        <div class="jp-field"><label for="jp-f-keep_days">Keep its runs for, days</label><input id="jp-f-keep_days" class="jp-input" inputmode="numeric" autocomplete="off" placeholder="as the portal does" v-model="rules.keepDays" v-bind="aria('keep_days')"><span class="jp-hint">Older runs are removed with their output.</span><FieldError id="jp-e-keep_days" :text="said('keep_days')" /></div>
        <div class="jp-field"><label for="jp-f-keep_runs">Keep of its runs at most</label><input id="jp-f-keep_runs" class="jp-input" inputmode="numeric" autocomplete="off" placeholder="as the portal does" v-model="rules.keepRuns" v-bind="aria('keep_runs')"><span class="jp-hint">What ended within a day stays in any case.</span><FieldError id="jp-e-keep_runs" :text="said('keep_runs')" /></div>
        <div class="jp-field"><label for="jp-f-keep_bytes">Keep of its output at most, MB</label><input id="jp-f-keep_bytes" class="jp-input" inputmode="numeric" autocomplete="off" placeholder="as the portal does" v-model="rules.keepMb" v-bind="aria('keep_bytes')"><span class="jp-hint">The oldest goes first; its runs stay.</span><FieldError id="jp-e-keep_bytes" :text="said('keep_bytes')" /></div>
      </div>
      <div v-if="calendars.length" class="jp-form__pair">
        <fieldset v-for="[way, word] in [['include', 'Only in these calendars'], ['exclude', 'Not in these calendars']]" :key="way" class="jp-field"><legend class="jp-label">{{ word }}</legend>
          <label v-for="calendar in calendars" :key="calendar.id" class="jp-check" :title="calendar.text"><input type="checkbox" :value="calendar.id" v-model="rules[way]">{{ calendar.name }}</label>
          <FieldError :id="'jp-e-' + way" :text="said(way)" /></fieldset>
        <div v-if="rules.include.length || rules.exclude.length" class="jp-field"><label for="jp-f-on_excluded">A run that a calendar leaves out</label><select id="jp-f-on_excluded" class="jp-select" v-model="rules.excluded"><option value="skip">is skipped</option><option value="move">moves to the next day that is allowed</option></select></div>
      </div>
      <FieldError id="jp-e-policy" :text="said('policy')" />
    </div></details>
  <JpRetries ref="retries" :rules="rules" :errors="errors" /><JpLimits ref="limits" :limits="rules.limits" :errors="errors" /><JpOutput ref="output" :output="rules.output" :errors="errors" /><JpResources ref="resources" :resources="rules.resources" :errors="errors" /></div>`,
  data: () => ({ prefs, overlaps: OVERLAP, misses: MISSED }),
  computed: {
    summary() {
      const { rules } = this;
      const more = [rules.catchUp.amount, rules.deadline.amount, rules.jitter.amount, rules.starts, rules.ends, rules.runs, rules.keepDays, rules.keepRuns].filter((text) => text !== "").length + (rules.include.length || rules.exclude.length ? 1 : 0);
      return [`${OVERLAP[rules.overlap][0]} · ${MISSED[rules.missed][0].toLowerCase()}`, more ? `${more} more` : ""].filter(Boolean).join(" · ");
    },
  },
  methods: {
    said(field) { return this.errors[field]?.text ?? ""; },
    aria(field) { return this.errors[field] ? { "aria-invalid": "true", "aria-describedby": `jp-e-${field}` } : {}; },
    open(field) { if (isRetry(field)) this.$refs.retries.open(); else if (isLimit(field)) this.$refs.limits.open(); else if (isOutput(field)) this.$refs.output.open(); else if (isResource(field)) this.$refs.resources.open(); else this.$refs.box.open = true; },
  },
};
