// The job form with a preview that says what its schedules mean. The form is the browser's own: what was
// typed survives a restart of the portal, and the REST API judges it by the same rules as everybody else.
import { parts, prefs } from "jp_format";
import { api, debounced, fromUrl, link } from "jp_core";
import { draftOf, FieldError, JpCombo, JpSchedule, JpSchedulePreview, lines, ruleOf, typedOf } from "jp_schedule";
import { afterDraft, afterOf, afterProblem, afterSaid, idsOf, JpAfter } from "jp_chain";
import { JpChanges } from "jp_history";
import { outputDraft, outputProblem } from "jp_output";
import { resourcesDraft } from "jp_resources";
import { isRule, JpRules, policyOf, rulesOf, wordsOf } from "jp_rules";
import { JpParameters, paramsDraft, paramsOf } from "jp_run";
import { JpSecrets, usesDraft, usesOf } from "jp_secrets";
import { JpUpload } from "jp_upload";
import { toldPiece } from "jp_words";

const ORDER = ["name", "script", "pinning", "args", "schedules", "runs_after", "max_output_bytes", "secrets", "timeout_s", "kill_grace_s", "description", "tags"];
const MOST = 20;
const NOTHING = { text: "", next: [], notes: [], warnings: [], parts: [], expanded: null, error: null, field: null, part: null };

// What a job would be called by its script: "ledger/close_books.py" is "close books".
const nameFrom = (script) => script.slice(script.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "").replace(/[_-]+/g, " ").trim();

function filled(job) {
  return {
    name: job?.name ?? nameFrom(fromUrl("script")), script: job?.script ?? fromUrl("script"), strict: job?.pinning === "strict", args: (job?.args ?? []).join("\n"), description: job?.description ?? "",
    timeout: String(job?.timeout_s ?? 300), grace: String(job?.kill_grace_s ?? 10),
    schedules: (job?.schedules ?? [null]).map((item) => typedOf(item, prefs.zone)), rules: rulesOf(job), after: afterOf(job), uses: usesOf(job), params: paramsOf(job), tags: (job?.tags ?? []).join(" "),
  };
}

// What was typed before this page was loaded again: by hand, after an upgrade, because the portal had gone.
const draftKey = () => `jp-draft ${location.pathname}`;
function typedBefore(job) {
  const kept = JSON.parse(sessionStorage.getItem(draftKey()) ?? "null");
  sessionStorage.removeItem(draftKey());
  const again = performance.getEntriesByType("navigation")[0]?.type === "reload";
  // Over a version that somebody else saved meanwhile it would undo what they did.
  if (!again || !kept || kept.version !== job?.version) return null;
  const { form } = kept;
  const schedules = form.schedules.map((one) => {
    const { key, ...usual } = typedOf(null, prefs.zone);
    return { ...usual, ...one, key };
  });
  return { ...form, schedules, rules: laidOver(rulesOf(job), form.rules) };
}

// What was typed knows nothing of settings that an upgrade added, nor do its groups of them: they have what the job has.
function laidOver(usual, typed) {
  const isGroup = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const group = ([key, value]) => [key, isGroup(usual[key]) && isGroup(value) ? { ...usual[key], ...value } : value];
  return Object.fromEntries(Object.entries({ ...usual, ...typed }).map(group));
}

// Commas and capitals are meant as spaces and small letters.
const tagsOf = (text) => text.toLowerCase().split(/[\s,]+/).filter(Boolean);

// Groups of settings are compared setting by setting: two people may each change one.
const GROUPS = ["policy", "resources"];
const flat = (body) => Object.entries(body).flatMap(([field, value]) =>
  GROUPS.includes(field) ? Object.entries(value).map(([part, inner]) => [`${field}.${part}`, inner]) : [[field, value]]);

export default {
  components: { ...parts, FieldError, JpAfter, JpChanges, JpCombo, JpParameters, JpRules, JpSecrets, JpSchedule, JpSchedulePreview, JpUpload },
  props: { initial: Object },
  template: `
  <form class="jp-editor" novalidate @submit.prevent="save()" @keydown.ctrl.enter.prevent="save()" @keydown.meta.enter.prevent="save()">
    <div class="jp-card jp-form">
      <div v-if="isKept && changed" class="jp-notice jp-tone--running" role="status"><JpIcon name="undo" /><span>What you typed before the page was loaded again is here.</span></div>
      <div v-if="problem" class="jp-notice jp-tone--failed" role="alert" tabindex="-1" ref="problem"><JpIcon name="warning" /><span>{{ problem }}
        <template v-if="conflict"><JpChanges v-if="theirs.length" :changes="theirs" :mine="mine" />
          <span class="jp-notice__do"><button v-if="newest" class="jp-btn jp-btn--small" type="button" :disabled="saving" @click="saveOnTop">Save mine on top of it</button> <a class="jp-link" :href="location" @click="leave">Drop mine, load the newest version</a></span></template></span></div>

      <div class="jp-field"><label for="jp-f-name">Name</label>
        <input id="jp-f-name" class="jp-input" v-model="form.name" maxlength="200" autocomplete="off" :autofocus="!initial" v-bind="aria('name')" @blur="touch('name')">
        <span id="jp-h-name" class="jp-hint">Shown everywhere. Unique among the jobs.</span><FieldError v-bind="err('name')" /></div>

      <div class="jp-field"><label for="jp-f-script">Script</label>
        <JpCombo id="jp-f-script" label="Scripts" placeholder="hello.py" :options="scripts" v-model="form.script" v-bind="aria('script')" @left="touch('script')" />
        <span class="jp-editor__script"><span id="jp-h-script" class="jp-hint">A file in the scripts folder{{ room ? ', or one that you drop here' : scripts.length ? '' : '. There is none yet: put one into ' + root }}.</span><JpUpload v-if="room" small :limit="room" @stored="uploaded" @refused="say('script', $event)" /></span><FieldError v-bind="err('script')" />
        <label class="jp-check"><input id="jp-f-pinning" type="checkbox" v-model="form.strict" v-bind="aria('pinning')">Run only this version of it</label>
        <span id="jp-h-pinning" class="jp-hint">The one that is there when the job is saved. If the file changes, runs fail until somebody accepts the new one.</span><FieldError v-bind="err('pinning')" /></div>

      <div class="jp-field"><label for="jp-f-args">Arguments <span class="jp-hint">optional, one per line</span></label>
        <textarea id="jp-f-args" class="jp-area jp-mono" rows="2" v-model="form.args" spellcheck="false" v-bind="aria('args')" @blur="touch('args')"></textarea>
        <span id="jp-h-args" class="jp-hint">Passed as they are; no shell reads them.</span><FieldError v-bind="err('args')" /></div>

      <fieldset class="jp-field jp-scheds"><legend class="jp-label">{{ many ? form.schedules.length + ' schedules' : 'Schedule' }}</legend>
        <template v-for="(typed, index) in form.schedules" :key="typed.key">
          <div v-if="many" class="jp-scheds__row" :class="{ 'jp-scheds__row--open': index === chosen }">
            <button type="button" class="jp-scheds__open" :aria-expanded="index === chosen ? 'true' : 'false'" @click="chosen = index"><JpIcon name="chevron" /><span class="jp-scheds__text">{{ ofSchedule(typed).error ? 'Not a schedule yet' : preview(typed).text || '…' }}</span><span class="jp-hint">{{ typed.zone }}</span><JpIcon v-if="ofSchedule(typed).error || refused[typed.key]" class="jp-bad" name="warning" /></button>
            <button type="button" class="jp-iconbtn" :aria-label="'Remove schedule ' + (index + 1)" title="Remove" @click="remove(index)"><JpIcon name="bin" /></button></div>
          <JpSchedule v-if="index === chosen" ref="open" :typed="typed" :index="index" :total="form.schedules.length" :zones="zones" :preview="ofSchedule(typed)" :refused="refused[typed.key] ?? null" /></template>
        <button v-if="form.schedules[0].kind !== 'manual' && form.schedules.length < most" type="button" class="jp-btn jp-btn--small jp-scheds__add" @click="add"><JpIcon name="plus" />Add another schedule</button>
        <FieldError v-bind="err('schedules')" /></fieldset>

      <div class="jp-rulesets"><JpAfter ref="after" :after="form.after" :ids="ids" :own="initial?.id ?? ''" :error="errors.runs_after?.text ?? ''" />
        <JpRules ref="rules" :rules="form.rules" :errors="errors" :calendars="calendars" />
        <JpParameters ref="params" :params="form.params" :refused="errors.parameters" />
        <JpSecrets ref="secrets" :uses="form.uses" :error="errors.secrets?.text ?? ''" /></div>

      <div class="jp-form__pair">
        <div class="jp-field"><label for="jp-f-timeout_s">Timeout, seconds</label><input id="jp-f-timeout_s" class="jp-input" inputmode="numeric" v-model="form.timeout" autocomplete="off" v-bind="aria('timeout_s')" @blur="touch('timeout_s')">
          <span id="jp-h-timeout_s" class="jp-hint">A run that takes longer is stopped.</span><FieldError v-bind="err('timeout_s')" /></div>
        <div class="jp-field"><label for="jp-f-kill_grace_s">Grace before the kill, seconds</label><input id="jp-f-kill_grace_s" class="jp-input" inputmode="numeric" v-model="form.grace" autocomplete="off" v-bind="aria('kill_grace_s')" @blur="touch('kill_grace_s')">
          <span id="jp-h-kill_grace_s" class="jp-hint">Between being asked to stop and being killed.</span><FieldError v-bind="err('kill_grace_s')" /></div>
      </div>

      <div class="jp-field"><label for="jp-f-description">Description <span class="jp-hint">optional</span></label>
        <textarea id="jp-f-description" class="jp-area" rows="2" v-model="form.description" v-bind="aria('description')"></textarea><FieldError v-bind="err('description')" /></div>

      <div class="jp-field"><label for="jp-f-tags">Tags <span class="jp-hint">optional, with spaces between them</span></label>
        <input id="jp-f-tags" class="jp-input" v-model="form.tags" placeholder="billing nightly" autocomplete="off" autocapitalize="none" spellcheck="false" v-bind="aria('tags')">
        <span id="jp-h-tags" class="jp-hint">Lower-case words by which the jobs list is filtered and searched.</span><FieldError v-bind="err('tags')" /></div>
    </div>

    <aside class="jp-card jp-preview" aria-label="Preview" aria-live="polite">
      <JpSchedulePreview :preview="preview(current)" :after="after" :not-yet="ofSchedule(current).error ? 'Not a schedule yet' : 'Not a rule yet'" :zone="current.zone" :edited="Boolean(initial)" :which="many ? 'Schedule ' + (chosen + 1) + ' of ' + form.schedules.length : ''">
        <p v-if="after" class="jp-hint jp-preview__rules">It {{ current.kind === 'manual' ? 'starts' : 'also starts' }} when {{ after }}.</p>
        <p class="jp-hint jp-preview__rules">{{ rules }}</p></JpSchedulePreview>
    </aside>

    <div class="jp-editor__do">
      <button class="jp-btn jp-btn--main" type="submit" :disabled="saving">{{ saving ? 'Saving…' : initial ? 'Save changes' : 'Create job' }}</button>
      <button v-if="!initial && !form.params.length" class="jp-btn" type="button" :disabled="saving" @click="save({ andRun: true })"><JpIcon name="play" />Create and run now</button>
      <a class="jp-btn" :href="initial ? '/jobs/' + initial.id : '/jobs'">Cancel</a>
      <span class="jp-muted jp-small jp-wide"><kbd class="jp-kbd">Ctrl</kbd> <kbd class="jp-kbd">Enter</kbd> saves</span>
      <span v-if="changed" class="jp-muted jp-small">Not saved yet</span>
    </div>
  </form>`,
  data(self) {
    const opened = filled(self.initial);
    const kept = typedBefore(self.initial);
    return {
      prefs, form: { ...opened, ...kept }, isKept: Boolean(kept), ids: idsOf(self.initial), saved: JSON.stringify(opened), errors: {}, refused: {}, previews: {}, chosen: 0, most: MOST, problem: "", conflict: false,
      newest: null, theirs: [], mine: [], saving: false, done: false, scripts: [], room: 0, root: "", zones: [prefs.zone], calendars: [], location: location.pathname,
    };
  },
  created() {
    this.opened = JSON.stringify(this.body(JSON.parse(this.saved)));
    this.asked = new Map();
    this.foresee = debounced(() => this.askAll(), 150);
    this.askAll();
    this.listScripts();
    api("/zones").then((answer) => (this.zones = answer.items), () => {});
    api("/calendars").then((answer) => (this.calendars = answer.items ?? []), () => {});
    this.guard = (event) => { if (this.changed && !this.done && !link.isRenewing) event.preventDefault(); };
    this.keep = () => { if (this.changed && !this.done) sessionStorage.setItem(draftKey(), JSON.stringify({ version: this.initial?.version, form: this.form })); };
    addEventListener("beforeunload", this.guard);
    addEventListener("pagehide", this.keep);
  },
  beforeUnmount() { removeEventListener("beforeunload", this.guard); removeEventListener("pagehide", this.keep); },
  watch: {
    form: {
      deep: true,
      handler() {
        for (const field of Object.keys(this.errors)) if (this.errors[field].of !== this.valueOf(field)) delete this.errors[field];
        for (const typed of this.form.schedules) if (this.refused[typed.key] && this.refused[typed.key].of !== JSON.stringify(draftOf(typed))) delete this.refused[typed.key];
        this.foresee();
      },
    },
  },
  computed: {
    changed() { return JSON.stringify(this.form) !== this.saved; },
    many() { return this.form.schedules.length > 1; },
    current() { return this.form.schedules[this.chosen]; },
    after() { return afterSaid(this.form.after); },
    rules() { return wordsOf(this.form.rules, this.current.kind === "manual"); },
  },
  methods: {
    preview(typed) { return this.previews[typed.key] ?? NOTHING; },
    // What is wrong with a rule is told at the rule, not at the schedule that was previewed with it.
    ofSchedule(typed) {
      const preview = this.preview(typed);
      return isRule(preview.field) ? { ...preview, error: null, field: null, part: null } : preview;
    },
    valueOf(field) {
      const { form } = this;
      if (isRule(field)) return JSON.stringify(form.rules);
      return { schedules: JSON.stringify(form.schedules), runs_after: JSON.stringify(form.after), secrets: JSON.stringify(form.uses), parameters: JSON.stringify(form.params), pinning: `${form.strict} ${form.script}`, timeout_s: form.timeout, kill_grace_s: form.grace }[field] ?? form[field];
    },
    err(field) { return { id: `jp-e-${field}`, text: this.errors[field]?.text ?? "" }; },
    aria(field) { return { "aria-invalid": this.errors[field] ? "true" : null, "aria-describedby": `${this.errors[field] ? `jp-e-${field} ` : ""}jp-h-${field}` }; },
    say(field, text) { if (text) this.errors[field] = { text, of: this.valueOf(field) }; else delete this.errors[field]; return text; },
    // What can be told without the server; it has the last word when saving.
    judge(field) {
      const { form } = this;
      const isWhole = (text) => /^\d+$/.test(text.trim());
      if (field === "name") return form.name.trim() ? "" : "Give the job a name.";
      if (field === "script") {
        const script = form.script.trim();
        if (!script) return "Choose a script.";
        if (!this.scripts.length || this.scripts.includes(script)) return "";
        const near = this.nearest(script);
        return `No such script.${near ? ` Did you mean ${near}?` : " Put it into the scripts folder first."}`;
      }
      if (field === "timeout_s") return isWhole(form.timeout) && Number(form.timeout) > 0 ? "" : "Type a whole number of seconds, at least 1.";
      if (field === "runs_after") return afterProblem(form.after, this.ids);
      if (field === "max_output_bytes") return outputProblem(form.rules.output);
      if (field === "kill_grace_s") return isWhole(form.grace) ? "" : "Type a whole number of seconds, 0 or more.";
      return "";
    },
    listScripts() { return api("/scripts").then((answer) => Object.assign(this, { scripts: answer.items, room: answer.upload_bytes, root: answer.root }), () => {}); },
    async uploaded(script) {
      await this.listScripts();
      this.form.script = script.name;
      if (!this.form.name.trim()) this.form.name = nameFrom(script.name);
      this.say("script", this.judge("script"));
    },
    nearest(script) {
      const pairs = (text) => new Set([...text.toLowerCase()].map((char, index, all) => char + (all[index + 1] ?? "")));
      const mine = pairs(script);
      const score = (other) => { const theirs = pairs(other); return [...mine].filter((pair) => theirs.has(pair)).length / Math.max(mine.size, theirs.size); };
      const best = this.scripts.map((other) => [score(other), other]).sort((a, b) => b[0] - a[0])[0];
      return best && best[0] > 0.3 ? best[1] : "";
    },
    // A field that is left empty is told of when saving: a message that comes up under the pointer, because
    // the focus left a field, would move the very button that is being pressed.
    touch(field) { if (this.valueOf(field).trim() || this.errors[field]) this.say(field, this.judge(field)); },
    // --- schedules ----------------------------------------------------------------------------------
    add() {
      this.form.schedules.push({ ...typedOf(null, this.current.zone), kind: "daily" });
      this.chosen = this.form.schedules.length - 1;
      this.focusSchedule();
    },
    remove(index) {
      this.form.schedules.splice(index, 1);
      this.chosen = Math.min(this.chosen - (index < this.chosen ? 1 : 0), this.form.schedules.length - 1);
      this.focusSchedule();
    },
    focusSchedule() { this.$nextTick(() => [this.$refs.open].flat()[0]?.focus()); },
    askAll() { for (const typed of this.form.schedules) this.ask(typed); },
    // A schedule is asked about when it, or a rule that bears on it, has changed since the last time.
    async ask(typed) {
      const question = JSON.stringify({ schedule: ruleOf(typed), zone: typed.zone.trim(), policy: policyOf(this.form.rules, this.initial), job_id: this.initial?.id ?? null });
      if (this.asked.get(typed.key) === question) return;
      this.asked.set(typed.key, question);
      const answer = await api("/schedules/preview", { method: "POST", body: JSON.parse(question) }).catch((error) => ({ error: error.message, field: null }));
      if (this.asked.get(typed.key) !== question) return;
      this.previews[typed.key] = { ...NOTHING, ...answer, parts: (answer.parts ?? []).map((part) => ({ ...part, label: toldPiece(part.label), words: toldPiece(part.words) })) };
      if (isRule(answer.field)) this.say(answer.field, answer.error);
    },
    // --- saving -------------------------------------------------------------------------------------
    body(form = this.form) {
      const { initial } = this;
      const draft = {
        name: form.name.trim(), script: form.script.trim(), pinning: form.strict ? "strict" : "record", args: lines(form.args), description: form.description,
        schedules: form.schedules.map(draftOf), timeout_s: Number(form.timeout), kill_grace_s: Number(form.grace),
        overlap: form.rules.overlap, on_lost: form.rules.lost, limit_key: form.rules.limits.key.trim(), ...outputDraft(form.rules.output), resources: resourcesDraft(form.rules.resources),
        policy: policyOf(form.rules, initial), runs_after: afterDraft(form.after, this.ids), secrets: usesDraft(form.uses), parameters: paramsDraft(form.params), tags: tagsOf(form.tags),
      };
      return initial ? { ...draft, version: initial.version } : draft;
    },
    async save({ andRun = false } = {}) {
      if (this.saving) return;
      Object.assign(this, { problem: "", conflict: false, refused: {} });
      for (const field of ORDER) this.say(field, this.judge(field));
      if (this.focusFirst()) return;
      this.saving = true;
      try {
        const path = this.initial ? `/jobs/${this.initial.id}` : "/jobs";
        const answer = await api(path, { method: this.initial ? "PATCH" : "POST", body: this.body() });
        // The job is there whatever becomes of its first run: its page says what holds it back.
        const run = andRun ? await api(`/jobs/${answer.id}/run`, { method: "POST" }).catch(() => null) : null;
        this.leave();
        window.location.href = run ? `/runs/${run.run_id}` : `/jobs/${this.initial?.id ?? answer.id}`;
      } catch (error) {
        this.saving = false;
        this.tell(error);
      }
    },
    // Say what the server refused at the field that it names, and go there.
    tell(error) {
      const [, index, field] = /^schedules\.(\d+)\.(.+)$/.exec(error.field ?? "") ?? [];
      if (index !== undefined) {
        const typed = this.form.schedules[Number(index)];
        this.refused[typed.key] = { text: error.message, field, part: error.problem.part, of: JSON.stringify(draftOf(typed)) };
        this.chosen = Number(index);
        this.focusSchedule();
      } else if (error.field?.startsWith("parameters")) {
        const [, at, part] = /^parameters\.(\d+)\.(.+)$/.exec(error.field) ?? [];
        this.errors.parameters = { text: error.message, index: at === undefined ? null : Number(at), field: part, of: this.valueOf("parameters") };
        this.$nextTick(() => this.$refs.params.open());
      } else if (isRule(error.field)) {
        this.say(error.field, error.message);
        this.$refs.rules.open(error.field);
        this.$nextTick(() => document.getElementById(`jp-f-${error.field}`)?.focus());
      } else if (ORDER.includes(error.field)) {
        this.say(error.field, error.message);
        this.focusFirst();
      } else {
        this.problem = error.message;
        this.conflict = error.status === 409 && Boolean(this.initial);
        if (this.conflict) this.compare();
        this.$nextTick(() => this.$refs.problem?.focus());
      }
    },
    // Somebody was faster: what they changed is told, and which of it was changed here, too.
    async compare() {
      const { id, version } = this.initial;
      this.problem = "Somebody changed this job after you opened it, so nothing was saved. What you typed is still here.";
      Object.assign(this, { newest: null, theirs: [] });
      try {
        // The job first: what is saved on top of was then told, whoever is faster than both.
        const job = await api(`/jobs/${id}`);
        const changes = await api(`/jobs/${id}/changes?since=${version}`);
        Object.assign(this, { newest: job, theirs: changes, mine: this.ofForm().map(([field]) => field) });
        this.problem = `Somebody changed this job after you opened it, so nothing was saved. What you typed is still here. ${changes.length ? "Since then:" : "What it runs, and when, is still the same."}`;
      } catch (error) { this.problem = `${this.problem} What changed cannot be told: ${error.message}`; }
    },
    // The fields, `policy.keep_days` among them, that the form would change of the job as it was opened.
    ofForm() {
      const before = new Map(flat(JSON.parse(this.opened)));
      return flat(this.body()).filter(([field, value]) => field !== "version" && JSON.stringify(value) !== JSON.stringify(before.get(field)));
    },
    async saveOnTop() {
      this.saving = true;
      const body = { version: this.newest.version };
      for (const [field, value] of this.ofForm()) {
        const [whole, part] = field.split(".");
        if (part) body[whole] = { ...this.newest[whole], ...body[whole], [part]: value };
        else body[field] = value;
      }
      try {
        await api(`/jobs/${this.initial.id}`, { method: "PATCH", body });
        this.leave();
        window.location.href = `/jobs/${this.initial.id}`;
      } catch (error) {
        this.saving = false;
        this.tell(error);
      }
    },
    leave() { this.done = true; },
    focusFirst() {
      const first = ORDER.find((field) => this.errors[field]);
      if (first === "runs_after") this.$refs.after.open();
      if (isRule(first)) this.$refs.rules.open(first);
      if (first === "secrets") this.$refs.secrets.open();
      if (first) this.$nextTick(() => document.getElementById(`jp-f-${first}`)?.focus());
      return Boolean(first);
    },
  },
};
