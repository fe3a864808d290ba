// Stopping and holding back: the end of runs, drained executors, paused pools, a freeze of everything.
import { instantAt, parts, plural, prefs, wallTime, when, zoneOffset } from "jp_format";
import { api, attempt, health, toast } from "jp_core";

// "by ann ": nobody is said to be "local", which is who has this machine.
export const heldBy = (who) => (who && who !== "local" ? `by ${who} ` : "");
// "by ann since Wed 25 Nov 14:00": who holds it back, as every page says it.
export const heldWords = (who, at) => `${heldBy(who)}since ${when(at)}`;

const post = (path, words, body = undefined) =>
  attempt(async () => {
    const answer = await api(path, { method: "POST", body });
    if (words) toast(words);
    return answer;
  }, null);

export const controls = {
  cancel: (run) => post(`/runs/${run.id}/cancel`),
  drain: (one) => post(`/executors/${encodeURIComponent(one.name)}/drain`, `${one.name} takes no more runs. What it has goes on.`),
  resumeExecutor: (one) => post(`/executors/${encodeURIComponent(one.name)}/resume`, `${one.name} takes runs again within a few seconds.`),
  pausePool: (pool) => post(`/pools/${pool.name}/pause`, `No run of pool ${pool.name} starts until you resume it.`),
  resumePool: (pool) => post(`/pools/${pool.name}/resume`, `Pool ${pool.name} goes on.`),
  freeze: (body) => post("/freeze", "", body),
  lift: () =>
    attempt(async () => {
      await api("/freeze", { method: "DELETE" });
      health.freeze = null;
      toast("The freeze is lifted. What waits goes on.");
    }),
};

// Asks before a run is ended. `open(run)`; emits `done` with the run as it is afterwards.
export const CancelDialog = {
  components: parts,
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-cancel-title">
    <template v-if="run">
      <div class="jp-dialog__head"><h2 id="jp-cancel-title">Cancel run{{ run.number ? ' #' + run.number : '' }} of {{ run.job_name }}?</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="cancel">
        <p v-if="run.state === 'running'">Its script is asked to end. What has not ended after the job's grace time is killed, with everything it started. What it did so far is not undone.</p>
        <p v-else>It waits, and never starts. Later runs of the job are not touched.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Keep it</button>
          <button class="jp-btn jp-btn--danger" type="submit" :disabled="busy"><JpIcon name="ban" />Cancel run</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ run: null, busy: false }),
  methods: {
    open(run) {
      Object.assign(this, { run, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    async cancel() {
      this.busy = true;
      const fresh = await controls.cancel(this.run);
      this.busy = false;
      this.close();
      if (fresh) this.$emit("done", fresh);
    },
  },
};

// Asks before everything that waits of a job is ended. `open({ id, name })`.
export const CancelWaitingDialog = {
  components: parts,
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-cancel-waiting-title">
    <template v-if="job">
      <div class="jp-dialog__head"><h2 id="jp-cancel-waiting-title">Cancel waiting runs of {{ job.name }}?</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="cancel">
        <p><strong>{{ plural(waiting, 'run') }}</strong> {{ waiting === 1 ? 'waits, and never starts' : 'wait, and none of them starts' }}. What runs goes on, and so does the schedule with its next instant.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Keep {{ waiting === 1 ? 'it' : 'them' }}</button>
          <button class="jp-btn jp-btn--danger" type="submit" :disabled="busy"><JpIcon name="ban" />Cancel {{ plural(waiting, 'run') }}</button></div>
      </form>
    </template>
  </dialog>`,
  data: () => ({ job: null, waiting: 0, busy: false }),
  methods: {
    plural,
    async open(job) {
      const answer = await attempt(() => api(`/jobs/${job.id}/cancel-waiting`), null);
      if (!answer) return;
      if (!answer.waiting) { toast(`No run of ${job.name} waits.`); return; }
      Object.assign(this, { job, waiting: answer.waiting, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    async cancel() {
      this.busy = true;
      await post(`/jobs/${this.job.id}/cancel-waiting`, `Cancelling what waits of ${this.job.name}.`);
      this.busy = false;
      this.close();
    },
  },
};

const LENGTHS = [[900, "15 minutes"], [3_600, "1 hour"], [14_400, "4 hours"]];

// Asks until when nothing is to start. `open()`.
export const FreezeDialog = {
  components: parts,
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-freeze-title">
    <div class="jp-dialog__head"><h2 id="jp-freeze-title">Freeze everything</h2>
      <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
    <form class="jp-dialog__body" @submit.prevent="freeze">
      <p>Until the freeze ends no run starts, of any job. What runs goes on. What falls due is recorded and waits; start deadlines go on, and the rule of each job decides over what was missed.</p>
      <fieldset class="jp-choices"><legend class="jp-label">For how long</legend>
        <label v-for="[value, word] in lengths" :key="value" class="jp-choice"><input type="radio" name="jp-freeze" :value="value" v-model="length"><span>{{ word }}<span class="jp-hint">until {{ endOf(value) }}</span></span></label>
        <label class="jp-choice"><input type="radio" name="jp-freeze" :value="0" v-model="length"><span>Until a time</span></label>
      </fieldset>
      <div v-if="!length" class="jp-field"><label for="jp-freeze-until">Until, {{ prefs.zone }} ({{ offset }})</label>
        <input id="jp-freeze-until" class="jp-input" type="datetime-local" required v-model="until" :aria-invalid="error ? 'true' : null" aria-describedby="jp-freeze-error">
        <span id="jp-freeze-error" class="jp-error">{{ error }}</span></div>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Cancel</button>
        <button class="jp-btn jp-btn--main" type="submit" :disabled="busy"><JpIcon name="snow" />Freeze</button></div>
    </form>
  </dialog>`,
  data: () => ({ prefs, lengths: LENGTHS, length: 3_600, until: "", error: "", busy: false }),
  computed: { offset: () => zoneOffset(prefs.zone) },
  methods: {
    endOf: (seconds) => when(Math.ceil((Date.now() + seconds * 1000) / 60_000) * 60_000),
    open() {
      Object.assign(this, { length: 3_600, until: wallTime(Date.now() + 3_600_000).slice(0, 16), error: "", busy: false });
      this.$refs.dialog.showModal();
    },
    close() { this.$refs.dialog.close(); },
    async freeze() {
      const until = this.length ? null : instantAt(this.until);
      this.error = this.length || until ? "" : "The clocks of your zone never show this time. Choose another.";
      if (this.error) return;
      this.busy = true;
      const answer = await controls.freeze(until ? { until } : { for_s: this.length });
      this.busy = false;
      if (!answer) return;
      health.freeze = answer.freeze;
      this.close();
    },
  },
};
