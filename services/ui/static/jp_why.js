// Why a job does not run, or did not at an instant: the one reason, its remedy, and what was asked to find it.
import { instantAt, parts, prefs, wallTime, when, zoneOffset } from "jp_format";
import { api, attempt, debounced, follow, jobActions } from "jp_core";
import { rangeOfRun, secondBefore } from "jp_dialogs";
import { toldAll } from "jp_words";

const LOOKS = {
  ran: ["check", "succeeded"], running: ["arc", "running"], failed: ["cross", "failed"], "not-yet": ["clock", "queued"],
  waiting: ["lines", "queued"], deciding: ["lines", "queued"], "no-executor": ["warning", "failed"],
  frozen: ["snow", "queued"], "pool-paused": ["pause", "queued"],
  "broker-down": ["warning", "failed"], "scheduler-silent": ["warning", "failed"], missed: ["gone", "missed"],
  deadline: ["clock", "missed"], skipped: ["skip", "skipped"], coincides: ["skip", "skipped"], excluded: ["skip", "skipped"], braked: ["warning", "skipped"],
  cancelled: ["ban", "cancelled"], paused: ["pause", "skipped"], outside: ["ban", "skipped"], deleted: ["bin", "skipped"],
  edited: ["pencil", "skipped"], after: ["lines", "queued"], "before-created": ["clock", "skipped"],
};
const DOES = {
  resume: ["power", "Resume"], restore: ["up", "Restore"], "run-now": ["play", "Run now"], backfill: ["play", "Run it now"],
};
// A run that failed is told with its log; a deleted job, and one that is braked, at the top of its page.
const TOLD_ELSEWHERE = new Set(["failed", "deleted", "braked"]);

const heard = (answer) => toldAll(answer, ["text", "words", "name"]);

export const WhyPanel = {
  components: parts,
  props: { job: Object, first: Object },
  emits: ["resume", "restore", "backfill"],
  template: `
  <section v-if="shown" class="jp-card jp-why" aria-labelledby="jp-why-title">
    <div v-if="answer" class="jp-why__answer" aria-live="polite">
      <span class="jp-why__mark" :class="'jp-tone--' + look[1]"><JpIcon :name="look[0]" :spin="look[0] === 'arc'" /></span>
      <div class="jp-why__reason">
        <p class="jp-why__about">{{ about }} <time :datetime="answer.at" :title="answer.at">{{ when(answer.at) }}</time></p>
        <h2 id="jp-why-title"><JpWords :pieces="answer.sentence" /></h2>
        <p v-if="answer.nearby.length" class="jp-why__nearby"><button v-for="at in answer.nearby" :key="at" class="jp-btn jp-btn--small" type="button" @click="ask(at)">Why at {{ when(at) }}?</button></p>
        <p v-if="link || does" class="jp-why__do"><a v-if="link" class="jp-btn" :href="link[1]">{{ link[0] }}</a>
          <button v-else class="jp-btn" type="button" @click="act"><JpIcon :name="does[0]" />{{ does[1] }}</button></p>
      </div>
      <ol class="jp-why__checks" aria-label="What was asked, in order"><li v-for="check in answer.checks" :key="check.name" :class="{ 'jp-why__stop': !check.passed }">
        <JpIcon :name="check.passed ? 'check' : 'cross'" /><span class="jp-clip">{{ check.passed ? 'passed:' : 'not passed:' }}</span><span class="jp-why__name">{{ check.name }}</span><span><JpWords v-if="check.passed" :pieces="check.words" /><template v-else>This is the reason. {{ answer.fix?.words }}</template></span></li></ol>
    </div>
    <h2 v-else id="jp-why-title" class="jp-clip">Why it runs or does not</h2>
    <form class="jp-why__ask" @submit.prevent="askTyped">
      <label for="jp-why-at">Why did it not run at</label>
      <input id="jp-why-at" ref="at" class="jp-input" type="datetime-local" step="1" v-model="typed" required :aria-invalid="error ? 'true' : null" aria-describedby="jp-why-hint">
      <button class="jp-btn" type="submit">Ask</button>
      <span id="jp-why-hint" :class="error ? 'jp-error' : 'jp-hint'">{{ error || prefs.zone + ', ' + offset }}</span>
      <button v-if="asked || opened" class="jp-btn jp-btn--small jp-why__close" type="button" @click="close"><JpIcon name="cross" />Close</button>
    </form>
  </section>`,
  data: (self) => ({ prefs, answer: heard(self.first), asked: null, opened: false, typed: wallTime(self.first.at), error: "" }),
  created() {
    this.reload = debounced(() => this.load(), 250);
    const isMine = (item, topic) => (topic === "runs" ? item.job_id : item.id) === this.job.id;
    this.stops = [
      follow(["runs", "jobs"], (items, topic) => (items.some((item) => isMine(item, topic)) ? this.reload() : this.soon()), { load: this.load }),
      follow(["executors", "health"], () => this.soon()),
    ];
  },
  beforeUnmount() { this.stops.forEach((stop) => stop()); clearTimeout(this.timer); },
  computed: {
    shown() { return this.opened || this.asked != null || this.needed; },
    needed() { return Boolean(this.answer?.needs_somebody) && !TOLD_ELSEWHERE.has(this.answer.verdict); },
    look() { return LOOKS[this.answer.verdict] ?? ["question", "skipped"]; },
    offset: () => zoneOffset(prefs.zone),
    about() {
      if (this.answer.verdict === "not-yet") return "To come,";
      if (this.asked) return "Asked about";
      return this.answer.run ? `Run #${this.answer.run.number}, due` : "Due";
    },
    does() { return this.isRange ? ["play", "Choose instants…"] : DOES[this.answer.fix?.remedy]; },
    isRange() { return this.answer.fix?.remedy === "backfill" && this.answer.run?.instants > 1; },
    link() {
      const { fix, run, blocker_id: blocker } = this.answer;
      const links = {
        "open-executors": ["Open executors", "/executors"], "open-calendars": ["Open calendars", "/calendars"],
        edit: ["Edit the job", `/jobs/${this.job.id}/edit`], "open-run": run && ["Open the run", `/runs/${run.id}`],
        "open-blocker": blocker && ["Open that run", `/runs/${blocker}`],
      };
      return links[fix?.remedy];
    },
  },
  methods: {
    when,
    // What goes on elsewhere moves the place in the queue: looked at now and then, however much goes on.
    soon() {
      if (this.timer || !this.answer?.needs_somebody) return;
      this.timer = setTimeout(() => { this.timer = 0; this.load(); }, 2000);
    },
    // Called by the page's menu.
    open() {
      this.opened = true;
      this.typed ||= wallTime(this.answer?.at ?? Date.now());
      this.$nextTick(() => this.$refs.at.focus());
    },
    close() { Object.assign(this, { asked: null, opened: false, error: "" }); this.load(); },
    async load() {
      const at = this.asked ? `?at=${encodeURIComponent(this.asked)}` : "";
      const asked = this.asked;
      const answer = await api(`/jobs/${this.job.id}/why${at}`).catch(() => null);
      if (!answer || asked !== this.asked) return;
      this.answer = heard(answer);
      this.typed ||= wallTime(answer.at);
    },
    ask(at) {
      Object.assign(this, { asked: at, typed: wallTime(at), error: "" });
      return attempt(() => this.load());
    },
    askTyped() {
      const at = instantAt(this.typed);
      this.error = at ? "" : "The clocks of your zone never show this time.";
      if (at) this.ask(at);
    },
    act() {
      const { fix, run, at } = this.answer;
      if (fix.remedy === "run-now") jobActions.runNow(this.job);
      else if (fix.remedy !== "backfill") this.$emit(fix.remedy);
      else if (this.isRange) this.$emit("backfill", rangeOfRun(run));
      else jobActions.backfill(this.job.id, run ? rangeOfRun(run) : { after: secondBefore(at), until: at }, `Asked for a run of ${this.job.name} for ${when(at)}.`);
    },
  },
};
