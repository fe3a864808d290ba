// Parameters: the form in which Run now asks for them, and the fields in which the job editor declares them.
import { parts, plural } from "jp_format";
import { api, asking, startRun } from "jp_core";
import { FieldError, lines } from "jp_schedule";

const KINDS = [["text", "Text"], ["number", "Number"], ["choice", "Choice"], ["date", "Date"], ["flag", "Yes or no"], ["secret", "Secret"]];
const MOST = 30;

// What is no number goes to the server as it is, which says so at the field.
const number = (text) => (text.trim() === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text);
const shownDefault = (one) => (one.kind === "flag" ? String(one.default ?? "") : one.default == null ? "" : String(one.default));

let keys = 0;
const blank = () => ({ key: ++keys, name: "", kind: "text", label: "", help: "", default: "", required: false, minimum: "", maximum: "", choices: "" });

export const paramsOf = (job) =>
  (job?.parameters ?? []).map((one) => ({ ...blank(), ...one, default: shownDefault(one), minimum: String(one.minimum ?? ""), maximum: String(one.maximum ?? ""), choices: one.choices.join("\n") }));

export const paramsDraft = (params) =>
  params.map((one) => {
    const { kind } = one;
    const typed = kind === "number" ? number(one.default) : kind === "flag" ? { true: true, false: false }[one.default] ?? null : kind === "secret" ? null : one.default || null;
    return {
      name: one.name.trim(), kind, label: one.label, help: one.help, default: typed, required: one.required,
      minimum: kind === "number" ? number(one.minimum) : null, maximum: kind === "number" ? number(one.maximum) : null,
      choices: kind === "choice" ? lines(one.choices) : [],
    };
  });

export const JpParameters = {
  components: { ...parts, FieldError },
  props: { params: Array, refused: Object },
  template: `
  <details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Parameters</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body">
      <p v-if="!params.length" class="jp-hint">What Run now asks for. A script reads each as PORTAL_PARAM_ and its name.</p>
      <fieldset v-for="(one, index) in params" :key="one.key" class="jp-param"><legend class="jp-label">{{ one.label || one.name || 'New parameter' }}</legend>
        <button type="button" class="jp-iconbtn jp-param__remove" :aria-label="'Remove parameter ' + (one.name || index + 1)" title="Remove" @click="params.splice(index, 1)"><JpIcon name="bin" /></button>
        <div class="jp-form__pair">
          <div class="jp-field"><label :for="id(index, 'name')">Name</label><input :id="id(index, 'name')" class="jp-input jp-mono" v-model="one.name" maxlength="40" placeholder="rows" autocomplete="off" autocapitalize="off" spellcheck="false" v-bind="aria(index, 'name')"><span v-if="one.name.trim()" class="jp-hint jp-mono">PORTAL_PARAM_{{ one.name.trim().toUpperCase() }}</span><FieldError v-bind="err(index, 'name')" /></div>
          <div class="jp-field"><label :for="id(index, 'kind')">Kind</label><select :id="id(index, 'kind')" class="jp-select" v-model="one.kind" @change="one.default = ''"><option v-for="[kind, word] in kinds" :key="kind" :value="kind">{{ word }}</option></select><FieldError v-bind="err(index, 'kind')" /></div>
          <div class="jp-field"><label :for="id(index, 'label')">Label <span class="jp-hint">optional</span></label><input :id="id(index, 'label')" class="jp-input" v-model="one.label" maxlength="400" autocomplete="off" v-bind="aria(index, 'label')"><FieldError v-bind="err(index, 'label')" /></div>
          <div class="jp-field"><label :for="id(index, 'help')">Help <span class="jp-hint">optional</span></label><input :id="id(index, 'help')" class="jp-input" v-model="one.help" maxlength="400" autocomplete="off" v-bind="aria(index, 'help')"><FieldError v-bind="err(index, 'help')" /></div>
          <template v-if="one.kind === 'number'"><div v-for="[field, word] in [['minimum', 'Smallest'], ['maximum', 'Largest']]" :key="field" class="jp-field"><label :for="id(index, field)">{{ word }} <span class="jp-hint">optional</span></label><input :id="id(index, field)" class="jp-input" inputmode="decimal" v-model="one[field]" autocomplete="off" v-bind="aria(index, field)"><FieldError v-bind="err(index, field)" /></div></template>
          <div v-if="one.kind === 'choice'" class="jp-field"><label :for="id(index, 'choices')">Values, one a line</label><textarea :id="id(index, 'choices')" class="jp-area" rows="3" v-model="one.choices" spellcheck="false" v-bind="aria(index, 'choices')"></textarea><FieldError v-bind="err(index, 'choices')" /></div>
          <div v-if="one.kind !== 'secret'" class="jp-field"><label :for="id(index, 'default')">Default <span class="jp-hint">optional</span></label>
            <select v-if="one.kind === 'flag' || one.kind === 'choice'" :id="id(index, 'default')" class="jp-select" v-model="one.default" v-bind="aria(index, 'default')"><option value="">none</option><option v-for="[value, word] in options(one)" :key="value" :value="value">{{ word }}</option></select>
            <input v-else :id="id(index, 'default')" class="jp-input" :type="one.kind === 'date' ? 'date' : 'text'" :inputmode="one.kind === 'number' ? 'decimal' : null" v-model="one.default" autocomplete="off" v-bind="aria(index, 'default')"><FieldError v-bind="err(index, 'default')" /></div>
        </div>
        <label class="jp-check"><input :id="id(index, 'required')" type="checkbox" v-model="one.required" v-bind="aria(index, 'required')">Required</label><FieldError v-bind="err(index, 'required')" /></fieldset>
      <div v-if="params.length < most"><button type="button" class="jp-btn jp-btn--small" @click="add"><JpIcon name="plus" />Add a parameter</button></div>
      <FieldError id="jp-e-parameters" :text="refused && refused.index == null ? refused.text : ''" />
    </div></details>`,
  data: () => ({ kinds: KINDS, most: MOST }),
  computed: {
    summary() { return this.params.length > 3 ? plural(this.params.length, "parameter") : this.params.map((one) => one.name.trim() || "new").join(", ") || "None"; },
  },
  methods: {
    id: (index, field) => `jp-p-${index}-${field}`,
    isWrong(index, field) { return this.refused?.index === index && this.refused.field === field; },
    err(index, field) { return { id: `jp-pe-${index}-${field}`, text: this.isWrong(index, field) ? this.refused.text : "" }; },
    aria(index, field) { return this.isWrong(index, field) ? { "aria-invalid": "true", "aria-describedby": `jp-pe-${index}-${field}` } : {}; },
    options: (one) => (one.kind === "flag" ? [["true", "Yes"], ["false", "No"]] : [...new Set(lines(one.choices))].map((value) => [value, value])),
    add() {
      this.params.push(blank());
      this.$nextTick(() => document.getElementById(this.id(this.params.length - 1, "name"))?.focus());
    },
    open() {
      this.$refs.box.open = true;
      this.$nextTick(() => this.refused?.index != null && document.getElementById(this.id(this.refused.index, this.refused.field))?.focus());
    },
  },
};

// Lives in the shell: every page's Run now of a job with parameters opens it.
export const RunDialog = {
  components: { ...parts, FieldError },
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-run-title" @close="forget"><template v-if="asking.job">
    <div class="jp-dialog__head"><h2 id="jp-run-title">Run {{ asking.job.name }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
    <form class="jp-dialog__body" novalidate autocomplete="off" @submit.prevent="run">
      <div v-for="one in asking.job.parameters" :key="one.name" class="jp-field">
        <label v-if="one.kind === 'flag'" class="jp-check jp-param__flag"><input :id="'jp-r-' + one.name" type="checkbox" v-model="typed[one.name]" v-bind="aria(one)">{{ one.label || one.name }}</label>
        <template v-else><label :for="'jp-r-' + one.name">{{ one.label || one.name }} <span v-if="!one.required" class="jp-hint">optional</span></label>
          <select v-if="one.kind === 'choice'" :id="'jp-r-' + one.name" class="jp-select" v-model="typed[one.name]" v-bind="aria(one)"><option v-if="!one.required || one.default == null" value="">{{ one.required ? 'Choose…' : 'none' }}</option><option v-for="value in one.choices" :key="value" :value="value">{{ value }}</option></select>
          <input v-else :id="'jp-r-' + one.name" class="jp-input" :type="{ date: 'date', secret: 'password' }[one.kind] ?? 'text'" :inputmode="one.kind === 'number' ? 'decimal' : null" :autocomplete="one.kind === 'secret' ? 'new-password' : 'off'" v-model="typed[one.name]" v-bind="aria(one)"></template>
        <span v-if="hint(one)" :id="'jp-rh-' + one.name" class="jp-hint">{{ hint(one) }}</span><FieldError :id="'jp-re-' + one.name" :text="wrong[one.name] ?? ''" /></div>
      <p v-if="wrong['']" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong[''] }}</p>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy"><JpIcon name="play" />Run now</button></div>
    </form></template></dialog>`,
  data: () => ({ asking, typed: {}, wrong: {}, busy: false }),
  methods: {
    open(job) {
      this.begin(job);
      this.$nextTick(() => this.$refs.dialog.showModal());
      // The list a page holds may be older than the job: what it declares now is what is asked for.
      api(`/jobs/${job.id}`).then((fresh) => { if (asking.job?.id === fresh.id && JSON.stringify(fresh.parameters) !== JSON.stringify(job.parameters)) { asking.job.parameters = fresh.parameters; this.begin(fresh); } }, () => {});
    },
    begin(job) {
      this.typed = Object.fromEntries(job.parameters.map((one) => [one.name, one.kind === "flag" ? one.default === true : one.default == null ? "" : String(one.default)]));
      Object.assign(this, { wrong: {}, busy: false });
    },
    forget() { Object.assign(this, { typed: {}, wrong: {} }); asking.job = null; }, // what was typed as a secret is not kept
    hint(one) {
      const range = [one.minimum != null && `at least ${one.minimum}`, one.maximum != null && `at most ${one.maximum}`].filter(Boolean).join(", ");
      return [one.help, range && range[0].toUpperCase() + range.slice(1), one.kind === "secret" && "Sealed at once, and shown to nobody."].filter(Boolean).join(" · ");
    },
    aria(one) {
      const said = [this.wrong[one.name] && `jp-re-${one.name}`, this.hint(one) && `jp-rh-${one.name}`].filter(Boolean).join(" ");
      return { "aria-invalid": this.wrong[one.name] ? "true" : null, "aria-describedby": said || null, "aria-required": one.required ? "true" : null };
    },
    async run() {
      const { job } = this.asking;
      const given = job.parameters.map((one) => [one.name, one.kind === "number" ? number(this.typed[one.name]) : this.typed[one.name]]);
      this.busy = true;
      try {
        await startRun(job, Object.fromEntries(given.filter(([, value]) => value !== "" && value !== null)));
        this.$refs.dialog.close();
      } catch (error) {
        const name = /^parameters\.(.+)$/.exec(error.field ?? "")?.[1];
        this.wrong = { [name && name in this.typed ? name : ""]: error.message };
        this.$nextTick(() => document.getElementById(`jp-r-${name}`)?.focus());
      }
      this.busy = false;
    },
  },
};
