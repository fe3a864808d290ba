// The job form with a preview that says what the schedule means. The form is the browser's own: what was
// typed survives a restart of the portal, and the REST API judges it by the same rules as everybody else.
import { local, parts, prefs, tick, until, utc } from "jp_format";
import { api, debounced } from "jp_core";

const UNITS = { s: [1, "seconds"], m: [60, "minutes"], h: [3600, "hours"], d: [86_400, "days"] };
const ORDER = ["name", "script", "args", "schedule", "timeout_s", "kill_grace_s", "description"];

function split(everySeconds) {
  const unit = ["d", "h", "m"].find((key) => everySeconds % UNITS[key][0] === 0) ?? "s";
  return { every: String(everySeconds / UNITS[unit][0]), unit };
}

function filled(job) {
  const schedule = job?.schedule ?? { kind: "interval", every_s: 300 };
  return {
    name: job?.name ?? "", script: job?.script ?? "", args: (job?.args ?? []).join("\n"), description: job?.description ?? "",
    kind: schedule.kind, ...split(schedule.every_s ?? 300), timeout: String(job?.timeout_s ?? 300), grace: String(job?.kill_grace_s ?? 10),
    overlap: job?.overlap ?? "skip", lost: job?.on_lost ?? "fail",
  };
}

const FieldError = {
  components: parts,
  props: { id: String, text: String },
  template: `<span v-if="text" :id="id" class="jp-error" role="alert"><JpIcon name="warning" />{{ text }}</span>`,
};

export default {
  components: { ...parts, FieldError },
  props: { initial: Object },
  template: `
  <form class="jp-editor" novalidate @submit.prevent="save" @keydown.ctrl.enter.prevent="save" @keydown.meta.enter.prevent="save">
    <div class="jp-card jp-form">
      <div v-if="problem" class="jp-notice jp-tone--failed" role="alert" tabindex="-1" ref="problem"><JpIcon name="warning" /><span>{{ problem }} <a v-if="conflict" class="jp-link" :href="location" @click="leave">Load the newest version</a></span></div>

      <div class="jp-field"><label for="jp-f-name">Name</label>
        <input id="jp-f-name" class="jp-input" v-model="form.name" maxlength="200" autocomplete="off" :autofocus="!initial" v-bind="aria('name')" @blur="touch('name')">
        <span :id="'jp-h-name'" class="jp-hint">Shown everywhere. Unique among the jobs.</span><FieldError v-bind="err('name')" /></div>

      <div class="jp-field jp-combo"><label for="jp-f-script">Script</label>
        <input id="jp-f-script" class="jp-input jp-mono" v-model="form.script" autocomplete="off" spellcheck="false" placeholder="hello.py" role="combobox" aria-autocomplete="list"
               aria-controls="jp-scripts" :aria-expanded="open ? 'true' : 'false'" :aria-activedescendant="open && at >= 0 ? 'jp-script-' + at : null" v-bind="aria('script')"
               @focus="offer" @input="offer" @blur="shut" @keydown="pickByKey">
        <ul v-show="open" id="jp-scripts" class="jp-combo__list" role="listbox" aria-label="Scripts">
          <li v-for="(script, index) in suggestions" :key="script" :id="'jp-script-' + index" role="option" class="jp-combo__item" :class="{ 'jp-combo__item--at': index === at }" :aria-selected="index === at ? 'true' : 'false'" @mousedown.prevent="choose(script)">{{ script }}</li></ul>
        <span id="jp-h-script" class="jp-hint">A file in the scripts folder.</span><FieldError v-bind="err('script')" /></div>

      <div class="jp-field"><label for="jp-f-args">Arguments <span class="jp-hint">optional, one per line</span></label>
        <textarea id="jp-f-args" class="jp-area jp-mono" rows="2" v-model="form.args" spellcheck="false" v-bind="aria('args')" @blur="touch('args')"></textarea>
        <span id="jp-h-args" class="jp-hint">Passed as they are; no shell reads them.</span><FieldError v-bind="err('args')" /></div>

      <fieldset class="jp-field"><legend class="jp-label">Schedule</legend>
        <div><div class="jp-seg" role="radiogroup" aria-label="Kind of schedule">
          <button v-for="[kind, word] in [['manual', 'Manual'], ['interval', 'Interval']]" :key="kind" type="button" role="radio" class="jp-seg__item" :aria-checked="form.kind === kind ? 'true' : 'false'" @click="form.kind = kind" @keydown.left.prevent="form.kind = 'manual'" @keydown.right.prevent="form.kind = 'interval'">{{ word }}</button></div></div>
        <div v-if="form.kind === 'interval'" class="jp-every"><label for="jp-f-schedule">Every</label>
          <input id="jp-f-schedule" class="jp-input" inputmode="numeric" v-model="form.every" autocomplete="off" v-bind="aria('schedule')" @blur="touch('schedule')">
          <label class="jp-clip" for="jp-f-unit">Unit</label><select id="jp-f-unit" class="jp-select" v-model="form.unit"><option v-for="(unit, key) in units" :key="key" :value="key">{{ unit[1] }}</option></select></div>
        <span id="jp-h-schedule" class="jp-hint">{{ form.kind === 'interval' ? 'Counted from when the schedule is saved; it does not drift.' : 'Runs only when somebody asks for it, here or over the API.' }}</span><FieldError v-bind="err('schedule')" /></fieldset>

      <div class="jp-form__pair">
        <div class="jp-field"><label for="jp-f-timeout_s">Timeout, seconds</label><input id="jp-f-timeout_s" class="jp-input" inputmode="numeric" v-model="form.timeout" autocomplete="off" v-bind="aria('timeout_s')" @blur="touch('timeout_s')">
          <span id="jp-h-timeout_s" class="jp-hint">A run that takes longer is stopped.</span><FieldError v-bind="err('timeout_s')" /></div>
        <div class="jp-field"><label for="jp-f-kill_grace_s">Grace before the kill, seconds</label><input id="jp-f-kill_grace_s" class="jp-input" inputmode="numeric" v-model="form.grace" autocomplete="off" v-bind="aria('kill_grace_s')" @blur="touch('kill_grace_s')">
          <span id="jp-h-kill_grace_s" class="jp-hint">Between being asked to stop and being killed.</span><FieldError v-bind="err('kill_grace_s')" /></div>
        <div class="jp-field"><label for="jp-f-overlap">If the previous run is still going</label><select id="jp-f-overlap" class="jp-select" v-model="form.overlap"><option value="skip">Skip the new one</option><option value="allow">Let them overlap</option></select></div>
        <div class="jp-field"><label for="jp-f-lost">If its executor is lost</label><select id="jp-f-lost" class="jp-select" v-model="form.lost"><option value="fail">Do not run it again</option><option value="retry">Run it again</option></select></div>
      </div>

      <div class="jp-field"><label for="jp-f-description">Description <span class="jp-hint">optional</span></label>
        <textarea id="jp-f-description" class="jp-area" rows="2" v-model="form.description" v-bind="aria('description')"></textarea><FieldError v-bind="err('description')" /></div>
    </div>

    <aside class="jp-card jp-preview" aria-label="Preview" aria-live="polite">
      <div class="jp-card__head"><h2>{{ preview.error ? 'Not a schedule yet' : preview.text || '…' }}</h2></div>
      <div class="jp-card__body">
        <template v-if="preview.next.length"><p class="jp-hint">Next five runs in {{ prefs.zone }}<template v-if="initial">, if saved now</template></p>
          <ol class="jp-preview__list"><li v-for="iso in preview.next" :key="iso"><time :datetime="iso" :title="utc(iso)">{{ local(iso) }}</time><span class="jp-muted">{{ until(iso, tick.now) }}</span></li></ol></template>
        <p v-else class="jp-hint">{{ preview.error || 'It runs only when somebody asks for it.' }}</p>
        <p class="jp-hint jp-preview__rules">{{ rules }}</p>
      </div>
    </aside>

    <div class="jp-editor__do">
      <button class="jp-btn jp-btn--main" type="submit" :disabled="saving">{{ saving ? 'Saving…' : initial ? 'Save changes' : 'Create job' }}</button>
      <a class="jp-btn" :href="initial ? '/jobs/' + initial.id : '/jobs'">Cancel</a>
      <span class="jp-muted jp-small jp-wide"><kbd class="jp-kbd">Ctrl</kbd> <kbd class="jp-kbd">Enter</kbd> saves</span>
      <span v-if="changed" class="jp-muted jp-small">Not saved yet</span>
    </div>
  </form>`,
  data: (self) => ({
    tick, prefs, units: UNITS, form: filled(self.initial), saved: JSON.stringify(filled(self.initial)), errors: {}, problem: "", conflict: false,
    saving: false, done: false, scripts: [], open: false, at: -1, preview: { text: "", next: [], error: null }, location: location.pathname,
  }),
  created() {
    this.foresee = debounced(() => this.askPreview(), 150);
    this.askPreview();
    api("/scripts").then((answer) => (this.scripts = answer.items ?? answer), () => {});
    this.guard = (event) => { if (this.changed && !this.done) event.preventDefault(); };
    addEventListener("beforeunload", this.guard);
  },
  beforeUnmount() { removeEventListener("beforeunload", this.guard); },
  watch: {
    schedule: { handler() { this.foresee(); }, deep: true },
    form: { handler() { for (const field of Object.keys(this.errors)) if (this.errors[field].of !== this.valueOf(field)) delete this.errors[field]; }, deep: true },
  },
  computed: {
    changed() { return JSON.stringify(this.form) !== this.saved; },
    schedule() {
      if (this.form.kind === "manual") return { kind: "manual" };
      const kept = this.initial?.schedule;
      const every = /^\d+$/.test(this.form.every.trim()) ? Number(this.form.every) * UNITS[this.form.unit][0] : null;
      // The anchor stays while the rhythm stays: saving another field must not shift the schedule.
      return { kind: "interval", every_s: every, ...(kept?.every_s === every && kept?.anchor ? { anchor: kept.anchor } : {}) };
    },
    suggestions() {
      const typed = this.form.script.trim().toLowerCase();
      return this.scripts.filter((script) => script.toLowerCase().includes(typed)).slice(0, 8);
    },
    rules() {
      const lost = this.form.lost === "fail" ? "If its executor is lost, it is not run again." : "If its executor is lost, it is run again.";
      if (this.form.kind === "manual") return lost;
      const overlap = this.form.overlap === "skip" ? "If the previous run is still going at a due time, that run is skipped." : "Runs may overlap.";
      return `${overlap} ${lost} If the system was down, the newest instant that passed runs once it is back; the older ones are recorded as missed.`;
    },
  },
  methods: {
    local, utc, until,
    valueOf(field) {
      const { form } = this;
      return { schedule: `${form.kind} ${form.every} ${form.unit}`, timeout_s: form.timeout, kill_grace_s: form.grace }[field] ?? form[field];
    },
    err(field) { return { id: `jp-e-${field}`, text: this.errors[field]?.text ?? "" }; },
    aria(field) { return { "aria-invalid": this.errors[field] ? "true" : null, "aria-describedby": `${this.errors[field] ? `jp-e-${field} ` : ""}jp-h-${field}` }; },
    say(field, text) { if (text) this.errors[field] = { text, of: this.valueOf(field) }; else delete this.errors[field]; return text; },
    // What can be told without the server; it has the last word when saving.
    judge(field) {
      const { form } = this;
      const whole = (text) => /^\d+$/.test(text.trim());
      if (field === "name") return form.name.trim() ? "" : "Give the job a name.";
      if (field === "script") {
        const script = form.script.trim();
        if (!script) return "Choose a script.";
        if (!this.scripts.length || this.scripts.includes(script)) return "";
        const near = this.nearest(script);
        return `No such script.${near ? ` Did you mean ${near}?` : " Put it into the scripts folder first."}`;
      }
      if (field === "schedule" && form.kind === "interval") return whole(form.every) && Number(form.every) > 0 ? "" : "Type a whole number of at least 1.";
      if (field === "timeout_s") return whole(form.timeout) && Number(form.timeout) > 0 ? "" : "Type a whole number of seconds, at least 1.";
      if (field === "kill_grace_s") return whole(form.grace) ? "" : "Type a whole number of seconds, 0 or more.";
      return "";
    },
    nearest(script) {
      const pairs = (text) => new Set([...text.toLowerCase()].map((char, index, all) => char + (all[index + 1] ?? "")));
      const mine = pairs(script);
      const score = (other) => { const theirs = pairs(other); return [...mine].filter((pair) => theirs.has(pair)).length / Math.max(mine.size, theirs.size); };
      const best = this.scripts.map((other) => [score(other), other]).sort((a, b) => b[0] - a[0])[0];
      return best && best[0] > 0.3 ? best[1] : "";
    },
    touch(field) { this.say(field, this.judge(field)); },
    // --- script picker --------------------------------------------------------------------------
    offer() { this.open = this.suggestions.length > 0 && !this.scripts.includes(this.form.script); this.at = -1; },
    shut() { this.open = false; this.touch("script"); },
    choose(script) { this.form.script = script; this.open = false; this.say("script", ""); },
    pickByKey(event) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.open = this.suggestions.length > 0;
        const way = event.key === "ArrowDown" ? 1 : -1;
        this.at = (this.at + way + this.suggestions.length) % Math.max(1, this.suggestions.length);
      } else if (event.key === "Enter" && this.open && this.at >= 0 && !event.ctrlKey) { event.preventDefault(); this.choose(this.suggestions[this.at]); }
      else if (event.key === "Escape") this.open = false;
    },
    // --- server -----------------------------------------------------------------------------------
    async askPreview() {
      if (this.schedule.kind === "interval" && !this.schedule.every_s) { this.preview = { text: "", next: [], error: "Type a whole number of at least 1." }; return; }
      const asked = this.schedule;
      const answer = await api("/schedules/preview", { method: "POST", body: { schedule: asked } }).catch((error) => ({ error: error.message }));
      if (asked === this.schedule) this.preview = { text: answer.text ?? "", next: answer.next ?? [], error: answer.error ?? null };
    },
    body() {
      const { form, initial } = this;
      const draft = {
        name: form.name.trim(), script: form.script.trim(), args: form.args.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== ""),
        description: form.description, schedule: this.schedule, timeout_s: Number(form.timeout), kill_grace_s: Number(form.grace), overlap: form.overlap, on_lost: form.lost,
      };
      return initial ? { ...draft, version: initial.version } : draft;
    },
    async save() {
      if (this.saving) return;
      Object.assign(this, { problem: "", conflict: false, open: false });
      for (const field of ORDER) this.say(field, this.judge(field));
      if (this.focusFirst()) return;
      this.saving = true;
      try {
        const path = this.initial ? `/jobs/${this.initial.id}` : "/jobs";
        const answer = await api(path, { method: this.initial ? "PATCH" : "POST", body: this.body() });
        this.leave();
        window.location.href = `/jobs/${this.initial?.id ?? answer.id}`;
      } catch (error) {
        this.saving = false;
        const field = error.field?.startsWith("schedule") || error.field === "every_s" ? "schedule" : error.field;
        if (ORDER.includes(field)) this.say(field, error.message);
        else {
          this.conflict = error.status === 409 && Boolean(this.initial);
          this.problem = this.conflict ? "Somebody changed this job after you opened it, so nothing was saved. What you typed is still here; copy what you need before loading the newest version." : error.message;
        }
        if (!this.focusFirst()) this.$nextTick(() => this.$refs.problem?.focus());
      }
    },
    leave() { this.done = true; },
    focusFirst() {
      const first = ORDER.find((field) => this.errors[field]);
      if (first) this.$nextTick(() => document.getElementById(`jp-f-${first}`)?.focus());
      return Boolean(first);
    },
  },
};
