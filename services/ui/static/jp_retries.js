// The rule of a job for runs that fail: how often they are tried again, when, and on which exit codes.
import { parts, plural, seconds as inWords } from "jp_format";
import { FieldError, inUnits, UNITS, whole } from "jp_schedule";

const LOST = { fail: "Do not run it again", retry: "Run it again at once" };
const FIELDS = ["retries", "retry_delay_s", "retry_factor", "retry_longest_delay_s", "retry_jitter", "retry_exit_codes", "retry_timeouts"];
const LISTED = 4;

export const isRetry = (field) => FIELDS.includes(field);

export function triesOf(policy) {
  return {
    most: String(policy.retries || ""), delay: inUnits(policy.retry_delay_s ?? 10), factor: String(policy.retry_factor ?? 2),
    longest: inUnits(policy.retry_longest_delay_s ?? 3600), spread: String(Math.round((policy.retry_jitter ?? 0) * 100) || ""),
    codes: (policy.retry_exit_codes ?? []).join(", "), timeouts: policy.retry_timeouts ?? true,
  };
}

// What is no number goes to the server as it is, which says so at the field.
const decimal = (text) => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text.trim());
const lengthOf = ({ amount, unit }) => { const n = whole(amount); return n === null ? amount.trim() || null : n * UNITS[unit][0]; };
const codesOf = (text) => text.split(/[\s,]+/).filter(Boolean).map((code) => whole(code) ?? code);
const shareOf = (text) => { const n = decimal(text || "0"); return typeof n === "number" ? n / 100 : n; };

export function retryPolicy(tries) {
  return {
    retries: tries.most.trim() === "" ? 0 : whole(tries.most) ?? tries.most.trim(), retry_delay_s: lengthOf(tries.delay), retry_factor: decimal(tries.factor),
    retry_longest_delay_s: lengthOf(tries.longest), retry_jitter: shareOf(tries.spread), retry_exit_codes: codesOf(tries.codes), retry_timeouts: tries.timeouts,
  };
}

const listed = (words) => (words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0]);

function delaysIn({ retries, retry_delay_s: first, retry_factor: factor, retry_longest_delay_s: longest }) {
  const all = Array.from({ length: Math.min(retries, LISTED) }, (_, index) => Math.min(first * factor ** index, longest));
  if (all.every((delay) => delay === all[0])) return all[0] === 0 ? ["at once"] : [`after ${inWords(all[0])}${retries > 1 ? " each" : ""}`];
  if (retries <= LISTED) return [`after ${listed(all.map(inWords))}`];
  const last = Math.min(first * factor ** (retries - 1), longest);
  return [`after ${all.slice(0, 3).map(inWords).join(", ")} and so on, ${last < longest ? "the last" : "at most"} after ${inWords(last)}`];
}

// The rule in one sentence; "" where nothing is tried again or the rule is none yet.
export function retriesSaid(policy) {
  const { retries, retry_exit_codes: codes, retry_timeouts: timeouts, retry_jitter: jitter } = policy;
  const numbers = [retries, policy.retry_delay_s, policy.retry_factor, policy.retry_longest_delay_s, jitter, ...(codes ?? [])];
  if (!retries || numbers.some((one) => typeof one !== "number")) return "";
  const on = codes.length ? `on exit ${codes.length > 1 ? "codes" : "code"} ${listed(codes.map(String))}` : "after any failure";
  return [
    `Up to ${plural(retries, "more try", "more tries")}`, ...delaysIn(policy), jitter ? `each up to ${Math.round(jitter * 100)} % later` : "",
    on, timeouts ? (codes.length ? "and after a timeout" : "") : "not after a timeout",
  ].filter(Boolean).join(", ").replace(", and after", " and after");
}

export const Length = {
  props: { value: Object, id: String, label: String, hint: String, error: String },
  components: { FieldError },
  template: `<div class="jp-field"><label :for="id">{{ label }}</label><div class="jp-line">
    <input :id="id" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="value.amount" :aria-invalid="error ? 'true' : null" :aria-describedby="error ? id + '-error' : id + '-hint'">
    <label class="jp-clip" :for="id + '-unit'">Unit</label><select :id="id + '-unit'" class="jp-select jp-select--w" v-model="value.unit"><option v-for="(unit, key) in units" :key="key" :value="key">{{ unit[1] }}</option></select></div>
    <span :id="id + '-hint'" class="jp-hint">{{ hint }}</span><FieldError :id="id + '-error'" :text="error" /></div>`,
  data: () => ({ units: UNITS }),
};

export const JpRetries = {
  components: { ...parts, FieldError, Length },
  props: { rules: Object, errors: Object },
  template: `
  <details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Retries</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body">
      <div class="jp-form__pair">
        <div class="jp-field"><label for="jp-f-retries">Try a failed run again</label><div class="jp-line"><input id="jp-f-retries" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" placeholder="0" v-model="tries.most" v-bind="aria('retries')"><span>times</span></div>
          <FieldError id="jp-e-retries" :text="said('retries')" /></div>
        <div class="jp-field"><label for="jp-f-lost">If its executor is lost</label><select id="jp-f-lost" class="jp-select" v-model="rules.lost"><option v-for="(word, key) in losses" :key="key" :value="key">{{ word }}</option></select>
          <span class="jp-hint">{{ lostHint }}</span></div>
        <template v-if="wanted">
          <Length id="jp-f-retry_delay_s" label="First after" hint="From the end of the attempt before." :value="tries.delay" :error="said('retry_delay_s')" />
          <div class="jp-field"><label for="jp-f-retry_factor">Each further delay</label><div class="jp-line"><input id="jp-f-retry_factor" class="jp-input jp-input--n" inputmode="decimal" autocomplete="off" v-model="tries.factor" v-bind="aria('retry_factor')"><span>times the one before</span></div>
            <span class="jp-hint">1 keeps it the same.</span><FieldError id="jp-e-retry_factor" :text="said('retry_factor')" /></div>
          <Length id="jp-f-retry_longest_delay_s" label="But not longer than" hint="However often it was tried." :value="tries.longest" :error="said('retry_longest_delay_s')" />
          <div class="jp-field"><label for="jp-f-retry_jitter">Spread by up to</label><div class="jp-line"><input id="jp-f-retry_jitter" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" placeholder="0" v-model="tries.spread" v-bind="aria('retry_jitter')"><span>% of the delay</span></div>
            <span class="jp-hint">So that many runs that failed together do not come back together.</span><FieldError id="jp-e-retry_jitter" :text="said('retry_jitter')" /></div>
          <div class="jp-field"><label for="jp-f-retry_exit_codes">Only on these exit codes</label><input id="jp-f-retry_exit_codes" class="jp-input" autocomplete="off" placeholder="any failure" v-model="tries.codes" v-bind="aria('retry_exit_codes')">
            <span class="jp-hint">Such as 75, 111. Empty: any failure.</span><FieldError id="jp-e-retry_exit_codes" :text="said('retry_exit_codes')" /></div>
          <div class="jp-field"><span class="jp-label">Timeouts</span><div class="jp-line"><label class="jp-check"><input id="jp-f-retry_timeouts" type="checkbox" v-model="tries.timeouts">Try again after a timeout</label></div><FieldError id="jp-e-retry_timeouts" :text="said('retry_timeouts')" /></div>
        </template>
      </div>
      <p class="jp-small" aria-live="polite">{{ sentence }}</p>
    </div></details>`,
  data: () => ({ losses: LOST }),
  computed: {
    tries() { return this.rules.tries; },
    wanted() { return !["", "0"].includes(this.tries.most.trim()); },
    sentence() { const said = retriesSaid(retryPolicy(this.tries)); return said ? `${said}.` : this.wanted ? "" : "A failure is the end of a run."; },
    summary() {
      const most = whole(this.tries.most);
      const codes = codesOf(this.tries.codes);
      const failed = !this.wanted ? "None" : most ? plural(most, "more try", "more tries") : "Not a rule yet";
      return [failed, this.wanted && codes.length ? `on ${codes.join(", ")}` : "", this.rules.lost === "retry" ? "again if lost" : ""].filter(Boolean).join(" · ");
    },
    lostHint() { return this.rules.lost === "retry" ? "A loss takes one of the tries; there are at least four." : "A run then starts at most once."; },
  },
  methods: {
    said(field) { return this.errors[field]?.text ?? ""; },
    aria(field) { return this.errors[field] ? { "aria-invalid": "true", "aria-describedby": `jp-e-${field}` } : {}; },
    open() { this.$refs.box.open = true; },
  },
};
