// Shared limits and the brake: the part of the job form, and the card with the places of every limit.
import { count, parts, plural, screenSize, when } from "jp_format";
import { api, attempt, toast } from "jp_core";
import { heldBy } from "jp_controls";
import { FieldError, JpCombo, whole } from "jp_schedule";

const USUAL_PACE = 120; // starts a minute, as shared/domain/brake.py has it
const SHOWN = 3;
const FIELDS = ["limit_key", "starts_per_minute"];

export const isLimit = (field) => FIELDS.includes(field);

export function limitsOf(job) {
  const pace = job?.policy?.starts_per_minute ?? USUAL_PACE;
  return { key: job?.limit_key ?? "", pace: pace === USUAL_PACE ? "" : String(pace) };
}

// Empty means the usual; what is no number goes to the server as it is, which says so at the field.
export const pacePolicy = ({ pace }) => ({ starts_per_minute: pace.trim() === "" ? USUAL_PACE : whole(pace) ?? pace.trim() });

export const paceSaid = ({ starts_per_minute: pace }) => (pace && pace !== USUAL_PACE ? `Starts by itself at most ${plural(pace, "time")} a minute` : "");

export const JpLimits = {
  components: { ...parts, FieldError, JpCombo },
  props: { limits: Object, errors: Object },
  template: `
  <details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Limits</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body"><div class="jp-form__pair">
      <div class="jp-field"><label for="jp-f-limit_key">Shared limit</label>
        <JpCombo id="jp-f-limit_key" label="Shared limits" placeholder="none" :options="known.map((one) => one.key)" :note="note" v-model="limits.key" v-bind="aria('limit_key')" />
        <span id="jp-h-limit_key" class="jp-hint">{{ hint }}</span><FieldError id="jp-e-limit_key" :text="said('limit_key')" /></div>
      <div class="jp-field"><label for="jp-f-starts_per_minute">Brake</label>
        <div class="jp-line"><input id="jp-f-starts_per_minute" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" placeholder="120" v-model="limits.pace" v-bind="aria('starts_per_minute')"><span>starts a minute</span></div>
        <span id="jp-h-starts_per_minute" class="jp-hint">Over five minutes, retries too. What you ask for does not count.</span><FieldError id="jp-e-starts_per_minute" :text="said('starts_per_minute')" /></div>
    </div></div></details>`,
  data: () => ({ known: [] }),
  created() { api("/limits").then((answer) => (this.known = answer.items), () => {}); },
  computed: {
    chosen() { return this.known.find((one) => one.key === this.limits.key.trim()); },
    hint() {
      if (!this.limits.key.trim()) return "Such as warehouse-db: jobs that name the same one take turns.";
      if (!this.chosen) return "A new one: 1 at once. Change that under Executors.";
      return `${count(this.chosen.maximum)} at once of ${plural(this.chosen.jobs, "job")}. Change that under Executors.`;
    },
    summary() { return [this.limits.key.trim() || "No shared limit", this.limits.pace.trim() ? `brake at ${this.limits.pace.trim()} a minute` : ""].filter(Boolean).join(" · "); },
  },
  methods: {
    note(key) { const one = this.known.find((other) => other.key === key); return one ? `${one.in_use} of ${one.maximum} in use` : ""; },
    said(field) { return this.errors[field]?.text ?? ""; },
    aria(field) { return { "aria-invalid": this.errors[field] ? "true" : null, "aria-describedby": `${this.errors[field] ? `jp-e-${field} ` : ""}jp-h-${field}` }; },
    open() { this.$refs.box.open = true; },
  },
};

// Asks for the maximum of a limit. `open(limit)`; emits `done` with all limits as they are afterwards.
const MaximumDialog = {
  components: { ...parts, FieldError },
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-maximum-title">
    <template v-if="limit">
      <div class="jp-dialog__head"><h2 id="jp-maximum-title">Maximum of {{ limit.key }}</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" novalidate @submit.prevent="save">
        <p>So many runs of the {{ plural(limit.jobs, 'job') }} that {{ limit.jobs === 1 ? 'names' : 'name' }} it go at once, whatever pools and executors they use. The others wait, and go in turn: urgent ones first, then the oldest. What runs now is not stopped.</p>
        <div class="jp-field"><label for="jp-f-maximum">At most at once</label>
          <input id="jp-f-maximum" ref="field" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="maximum" :aria-invalid="error ? 'true' : null" aria-describedby="jp-e-maximum"><FieldError id="jp-e-maximum" :text="error" /></div>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Cancel</button>
          <button class="jp-btn jp-btn--main" type="submit" :disabled="busy">Save</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ limit: null, maximum: "", error: "", busy: false }),
  methods: {
    plural,
    open(limit) {
      Object.assign(this, { limit, maximum: String(limit.maximum), error: "", busy: false });
      this.$nextTick(() => { this.$refs.dialog.showModal(); this.$refs.field.select(); });
    },
    close() { this.$refs.dialog.close(); },
    async save() {
      const maximum = whole(this.maximum);
      if (maximum === null) { this.error = "Type a whole number, at least 1."; return; }
      this.busy = true;
      try {
        this.$emit("done", (await api(`/limits/${this.limit.key}`, { method: "PUT", body: { maximum } })).items);
        toast(`${this.limit.key}: at most ${count(maximum)} at once.`);
        this.close();
      } catch (error) { this.error = error.message; }
      this.busy = false;
    },
  },
};

// The limits with who holds their places. `load()` is called by the page when something may have changed.
export const LimitsCard = {
  components: { ...parts, MaximumDialog },
  template: `
  <section v-if="items.length" id="limits" class="jp-card jp-pools" aria-labelledby="jp-limits">
    <div class="jp-card__head"><h2 id="jp-limits">Shared limits</h2><span class="jp-muted jp-small">For jobs that take turns</span></div>
    <MaximumDialog ref="dialog" @done="items = $event" />
    <ul v-if="screen.narrow" class="jp-cards">
      <li v-for="one in items" :key="one.key">
        <span class="jp-cards__name">{{ one.key }}</span><span class="jp-small" :class="{ 'jp-late': one.in_use > one.maximum }">{{ count(one.in_use) }} of {{ count(one.maximum) }} in use</span>
        <span v-if="isIdle(one)" class="jp-cards__line"><span>No job names it</span><button class="jp-btn jp-btn--small" type="button" :aria-label="'Remove ' + one.key" @click="forget(one)">Remove</button></span>
        <span v-else class="jp-cards__line"><span>{{ plural(one.waiting, 'run') }} waiting · {{ plural(one.jobs, 'job') }}</span><button class="jp-btn jp-btn--small" type="button" :aria-label="'Change the maximum of ' + one.key" @click="$refs.dialog.open(one)">Change…</button></span>
        <span v-if="one.holders.length" class="jp-cards__line"><span>Held by <template v-for="(run, index) in first(one)" :key="run.run_id"><template v-if="index">, </template><a class="jp-link" :href="'/runs/' + run.run_id">{{ run.job_name }} #{{ run.number }}</a></template>{{ more(one) }}</span></span>
      </li>
    </ul>
    <div v-else class="jp-scroll"><table class="jp-table"><caption class="jp-clip">Shared limits</caption>
      <thead><tr><th scope="col">Limit</th><th scope="col">In use</th><th scope="col" class="jp-table__grow">Held by</th><th scope="col" class="jp-num">Waiting</th><th scope="col">Oldest</th><th scope="col" class="jp-num">Jobs</th><th scope="col"><span class="jp-clip">Actions</span></th></tr></thead>
      <tbody><tr v-for="one in items" :key="one.key">
        <td class="jp-strong" :title="one.set_at ? setWords(one) : 'Nobody set a maximum: it is 1'">{{ one.key }}</td>
        <td><span class="jp-ratio" aria-hidden="true"><span :style="{ width: Math.min(100, 100 * one.in_use / one.maximum) + '%' }"></span></span><span :class="{ 'jp-late': one.in_use > one.maximum }">{{ count(one.in_use) }}/{{ count(one.maximum) }}</span></td>
        <td class="jp-table__grow"><template v-for="(run, index) in first(one)" :key="run.run_id"><template v-if="index">, </template><a class="jp-link" :href="'/runs/' + run.run_id">{{ run.job_name }} #{{ run.number }}</a></template>{{ more(one) }}<span v-if="!one.holders.length" class="jp-muted">{{ isIdle(one) ? 'No job names it' : '–' }}</span></td>
        <td class="jp-num">{{ count(one.waiting) }}</td><td><JpRelative :at="one.oldest_waiting_at" /></td><td class="jp-num">{{ count(one.jobs) }}</td>
        <td class="jp-table__do"><button v-if="isIdle(one)" class="jp-btn jp-btn--small" type="button" :aria-label="'Remove ' + one.key" @click="forget(one)">Remove</button>
          <button v-else class="jp-btn jp-btn--small" type="button" :aria-label="'Change the maximum of ' + one.key" @click="$refs.dialog.open(one)">Change…</button></td>
      </tr></tbody></table></div>
  </section>`,
  data: () => ({ screen: screenSize, items: [] }),
  methods: {
    count, plural,
    first: (one) => one.holders.slice(0, SHOWN),
    more: (one) => (one.in_use > SHOWN ? ` and ${count(one.in_use - SHOWN)} more` : ""),
    setWords: (one) => `Maximum set ${heldBy(one.set_by)}${when(one.set_at)}`,
    isIdle: (one) => !one.jobs && !one.in_use && !one.waiting,
    async load() { this.items = (await api("/limits")).items; },
    async forget(one) {
      const answer = await attempt(() => api(`/limits/${one.key}`, { method: "DELETE" }), null);
      if (answer) this.items = answer.items;
    },
  },
};
