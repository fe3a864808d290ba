// Two questions before something runs: what of a pause is caught up, and which instants run after the fact.
import { STATES, count, instantAt, parts, plural, prefs, wallTime, when, zoneOffset } from "jp_format";
import { api, attempt, debounced, jobActions, query } from "jp_core";

const SECOND = 1000;
export const secondBefore = (at) => new Date(new Date(at).getTime() - SECOND).toISOString();

// The range that a missed or skipped run stands for.
export function rangeOfRun(run) {
  return { after: secondBefore(run.nominal_at), until: run.nominal_until ?? run.nominal_at, schedule_id: run.schedule_id };
}

// Resuming asks only where something passed. `open(job)`; emits `done` when the job is followed again.
export const ResumeDialog = {
  components: parts,
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-resume-title">
    <template v-if="passed">
      <div class="jp-dialog__head"><h2 id="jp-resume-title">Resume {{ job.name }}</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="resume">
        <p><strong>{{ plural(passed.count, 'instant') }} passed</strong> while it was paused by {{ passed.paused_by || 'somebody' }}<template v-if="passed.count > 1">: the first <JpTime :at="passed.first" look="when" />, the last <JpTime :at="passed.last" look="when" />.</template><template v-else>: <JpTime :at="passed.first" look="when" />.</template></p>
        <fieldset class="jp-choices"><legend class="jp-label">Of these, run</legend>
          <label v-for="[key, word, hint] in choices" :key="key" class="jp-choice"><input type="radio" name="jp-catch-up" :value="key" v-model="catchUp"><span>{{ word }}<span class="jp-hint">{{ hint }}</span></span></label>
        </fieldset>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Keep it paused</button>
          <button class="jp-btn jp-btn--main" type="submit" :disabled="busy"><JpIcon name="power" />Resume</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ job: null, passed: null, catchUp: "none", busy: false }),
  computed: {
    choices() {
      const { count: all, most, last } = this.passed;
      const newest = ["latest", "The latest one", `Due ${when(last)}`];
      const every = all > most ? `Oldest of them first; the ${count(all - most)} before them do not run` : "Oldest first, one after another where runs may not overlap";
      return [
        ["none", "None", "It goes on with the next instant"],
        all > 1 ? newest : ["latest", "This one", `Due ${when(last)}`],
        ...(all > 1 ? [["all", all > most ? `The newest ${most}` : `All ${count(all)}`, every]] : []),
      ];
    },
  },
  methods: {
    plural,
    async open(job) {
      const passed = await attempt(() => api(`/jobs/${job.id}/resume`), null);
      if (!passed) return;
      Object.assign(this, { job, passed, catchUp: "none", busy: false });
      if (!passed.count) { await this.resume(); return; }
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    async resume() {
      this.busy = true;
      const resumed = await jobActions.resume(this.job, this.catchUp);
      this.busy = false;
      if (!resumed) return;
      if (this.$refs.dialog.open) this.close();
      this.$emit("done");
    },
  },
};

const HAPPENED = { paused: { word: "Paused", icon: "pause", tone: "skipped" }, never: { word: "No run", icon: "gone", tone: "skipped" } };

// Without a range, the time behind us is looked at in which not too much was due: a day, an hour, a minute.
const BEHIND_MS = [86_400_000, 3_600_000, 60_000];

// Which instants of a range run after the fact. `open({ id, name }, { after, until, schedule_id } or null)`.
export const BackfillDialog = {
  components: parts,
  template: `
  <dialog class="jp-dialog jp-dialog--wide" ref="dialog" aria-labelledby="jp-backfill-title">
    <template v-if="job">
      <div class="jp-dialog__head"><h2 id="jp-backfill-title">Run missed instants</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="run">
        <div class="jp-form__pair">
          <div class="jp-field"><label for="jp-backfill-from">From</label><input id="jp-backfill-from" class="jp-input" type="datetime-local" step="1" required v-model="from" @input="changed"></div>
          <div class="jp-field"><label for="jp-backfill-until">Until, inclusive</label><input id="jp-backfill-until" class="jp-input" type="datetime-local" step="1" required v-model="until" @input="changed"></div>
        </div>
        <p class="jp-hint">Times are in {{ prefs.zone }} ({{ offset }}). What succeeded, waits or is going is left alone.</p>
        <div class="jp-instants" :aria-busy="loading" role="region" aria-label="Instants in this range" tabindex="0">
          <p v-if="error" class="jp-error"><JpIcon name="warning" />{{ error }}</p>
          <p v-else-if="preview && !preview.count" class="jp-muted jp-small">No schedule of {{ job.name }} names an instant in this range.</p>
          <ul v-else-if="preview"><li v-for="item in preview.items" :key="item.at + item.schedule_id" :class="{ 'jp-instants__off': !item.runs }">
            <JpTime :at="item.at" look="when" /><span class="jp-chip" :class="'jp-tone--' + happened(item).tone"><JpIcon :name="happened(item).icon" />{{ happened(item).word }}</span>
            <a v-if="item.number" class="jp-link" :href="'/runs/' + item.run_id">#{{ item.number }}</a><span v-else></span>
            <span class="jp-instants__will">{{ preview.refused ? '' : item.runs ? 'will run' : 'stays' }}</span></li></ul>
        </div>
        <p class="jp-small" aria-live="polite">{{ sum }}</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Cancel</button>
          <button class="jp-btn jp-btn--main" type="submit" :disabled="busy || !preview || !preview.runs"><JpIcon name="play" />{{ preview && preview.runs ? 'Run ' + plural(preview.runs, 'instant') : 'Run' }}</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ prefs, job: null, from: "", until: "", scheduleId: null, preview: null, error: "", loading: false, busy: false }),
  created() { this.changed = debounced(() => this.look(), 200); },
  computed: {
    offset: () => zoneOffset(prefs.zone),
    range() {
      const from = instantAt(this.from);
      const until = instantAt(this.until);
      return from && until && { after: secondBefore(from), until, ...(this.scheduleId ? { schedule_id: this.scheduleId } : {}) };
    },
    sum() {
      const { preview } = this;
      if (!preview || this.error || !preview.count) return "";
      if (preview.refused) return preview.refused;
      const shown = preview.items.length < preview.count ? ` Shown are the newest ${preview.items.length}.` : "";
      if (!preview.runs) return `None of ${plural(preview.count, "instant")} needs a run.${shown}`;
      return `${count(preview.runs)} of ${plural(preview.count, "instant")} will run, oldest first.${shown}`;
    },
  },
  methods: {
    plural,
    happened: (item) => HAPPENED[item.happened] ?? STATES[item.happened],
    async open(job, range = null) {
      Object.assign(this, { job, preview: null, error: "", busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
      if (range) return this.lookAt(range);
      const until = new Date(Math.floor(Date.now() / 60_000) * 60_000);
      for (const behind of BEHIND_MS) {
        await this.lookAt({ after: secondBefore(until - behind), until });
        if (!this.preview?.refused) break;
      }
    },
    lookAt({ after, until, schedule_id: scheduleId = null }) {
      Object.assign(this, { from: wallTime(Date.parse(after) + SECOND), until: wallTime(until), scheduleId });
      return this.look();
    },
    close() { this.$refs.dialog.close(); },
    async look() {
      const { range } = this;
      this.preview = null;
      this.error = range ? "" : "The clocks of your zone never show one of these times. Choose another.";
      if (!range) return;
      if (range.after >= range.until) { this.error = "The range ends before it begins. Choose a later end."; return; }
      this.loading = true;
      try {
        const preview = await api(`/jobs/${this.job.id}/backfill${query(range)}`);
        if (range === this.range) this.preview = preview;
        this.$nextTick(() => this.showFirst());
      } catch (error) {
        this.error = error.message;
      }
      this.loading = false;
    },
    // What will run may stand below much that stays.
    showFirst() {
      const first = this.$el.querySelector(".jp-instants li:not(.jp-instants__off)");
      if (first) first.closest(".jp-instants").scrollTop = first.offsetTop - first.parentElement.offsetTop;
    },
    async run() {
      this.busy = true;
      const words = `Asked for ${plural(this.preview.runs, "run")} of ${this.job.name}.`;
      const asked = await jobActions.backfill(this.job.id, this.range, words);
      this.busy = false;
      if (asked) this.close();
    },
  },
};

// A run once more, with the same or other arguments. `open(run)` takes a whole run.
export const RerunDialog = {
  components: parts,
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-rerun-title">
    <template v-if="run">
      <div class="jp-dialog__head"><h2 id="jp-rerun-title">Run {{ run.job_name }} #{{ run.number }} again</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="go" @keydown.ctrl.enter.prevent="go" @keydown.meta.enter.prevent="go">
        <p class="jp-small">It starts as soon as an executor is free<template v-if="run.schedule_id">, for the same instant: <JpTime :at="run.nominal_at" look="when" /></template>. Script and limits are those of the job as it is now.</p>
        <div class="jp-field"><label for="jp-rerun-args">Arguments <span class="jp-hint">one per line</span></label>
          <textarea id="jp-rerun-args" class="jp-area jp-mono" rows="4" v-model="args" spellcheck="false" :aria-invalid="error ? 'true' : null" aria-describedby="jp-rerun-hint"></textarea>
          <span id="jp-rerun-hint" class="jp-hint">{{ changed ? 'For this run alone. The job keeps its own.' : 'The same as of #' + run.number + '.' }}</span>
          <p v-if="error" class="jp-error" role="alert"><JpIcon name="warning" />{{ error }}</p></div>
        <div class="jp-dialog__do"><button v-if="changed" class="jp-btn jp-dialog__note" type="button" @click="args = before">Undo changes</button>
          <button class="jp-btn" type="button" @click="close">Cancel</button>
          <button class="jp-btn jp-btn--main" type="submit" :disabled="busy"><JpIcon name="play" />Run again</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ run: null, args: "", before: "", error: "", busy: false }),
  computed: { changed() { return this.args !== this.before; } },
  methods: {
    open(run) {
      const before = run.args.join("\n");
      Object.assign(this, { run, args: before, before, error: "", busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    async go() {
      if (this.busy) return;
      this.busy = true;
      // What was not touched is not sent: an argument may hold a line break, which this form cannot tell.
      const args = this.changed ? this.args.split("\n").filter((line) => line !== "") : null;
      try {
        location.href = `/runs/${await jobActions.runAgain(this.run, args)}`;
      } catch (error) {
        this.error = error.message;
        this.busy = false;
      }
    },
  },
};
