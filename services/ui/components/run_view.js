// The head and the facts of a run: how it stands, how long each step took, on which executor.
import { CAUSES, STATES, bytes, duration, exitOf, isActive, isStopping, isUnhappy, parts, reasonOf, seconds, tick, toneOf, until } from "jp_format";
import { api, attempt, chooseAttempt, jobActions, lacksLevel, toast, watchRun } from "jp_core";
import { CancelDialog, heldBy } from "jp_controls";
import { RerunDialog } from "jp_dialogs";
import { shortHash } from "jp_script";
import { JpSince } from "jp_since";
import { JpFiles } from "jp_files";
import { JpUsage } from "jp_usage";
import { toldPiece } from "jp_words";

const ms = (from, to) => Math.max(0, Date.parse(to) - Date.parse(from));

export default {
  components: { ...parts, CancelDialog, JpFiles, JpSince, JpUsage, RerunDialog },
  props: { initial: Object },
  template: `
  <div>
    <div class="jp-head">
      <div class="jp-head__title">
        <nav class="jp-crumbs" aria-label="You are here"><a href="/jobs">Jobs</a><span>/</span><a :href="'/jobs/' + run.job_id">{{ run.job_name }}</a></nav>
        <h1>{{ run.number ? 'Run #' + run.number : 'Run' }}</h1><JpChip :state="run.state" :stopping="stopping" />
        <span class="jp-head__sub"><template v-if="stopping">end asked for {{ stopBy }}<JpRelative :at="run.stop_asked_at" /> · </template><template v-if="run.rerun_of">Repeat of <a class="jp-link" :href="'/runs/' + run.rerun_of">{{ run.rerun_of_number ? '#' + run.rerun_of_number : 'an older run' }}</a>{{ by }}</template><template v-else-if="run.started_by.length">Started by <a class="jp-link" :href="'/runs/' + run.started_by[0].run_id">{{ nameOf(run.started_by[0]) }}</a> ({{ ended(run.started_by[0]) }})<template v-if="run.started_by.length > 1"> and {{ run.started_by.length - 1 }} more</template></template><template v-else>{{ cause }}</template><template v-if="run.executor"> · <a class="jp-link" :href="'/executors/' + encodeURIComponent(run.executor)">{{ run.executor }}</a></template><template v-if="run.attempt > 1"> · attempt {{ run.attempt }} of {{ run.tries }}</template></span>
      </div>
      <div class="jp-head__do">
        <button v-if="active" class="jp-btn jp-btn--bad" type="button" :disabled="stopping" @click="$refs.cancel.open(run)"><JpIcon name="ban" />{{ stopping ? 'Stopping…' : 'Cancel run' }}</button>
        <a class="jp-btn" :href="'/jobs/' + run.job_id">Open job</a>
        <button v-if="run.number && run.instants === 1" class="jp-btn" :class="{ 'jp-btn--main': !active }" type="button" aria-haspopup="dialog" @click="$refs.rerun.open(run)"><JpIcon name="play" />Run again…</button>
      </div>
    </div>
    <p class="jp-clip" aria-live="polite">Run {{ run.number }} is {{ stopping ? 'stopping' : states[run.state].word.toLowerCase() }}</p>
    <CancelDialog ref="cancel" @done="stopped" />
    <div v-if="many" class="jp-tabs" role="tablist" aria-label="Attempts" @keydown="step">
      <button v-for="one in run.attempts" :key="one.number" :id="'jp-attempt-' + one.number" class="jp-tabs__item" role="tab" type="button" aria-controls="jp-attempt" :aria-selected="one.number === number ? 'true' : 'false'" :tabindex="one.number === number ? 0 : -1" @click="choose(one.number)">
        <span :class="'jp-tone--' + toneOf(one.state)"><JpIcon :name="states[one.state].icon" :spin="one.state === 'running'" /></span>Attempt {{ one.number }}<span class="jp-muted jp-small">{{ states[one.state].word }}</span></button></div>

    <div id="jp-attempt" :role="many ? 'tabpanel' : null" :aria-labelledby="many ? 'jp-attempt-' + number : null">
    <div v-if="why" class="jp-notice" :class="'jp-tone--' + tone"><JpIcon :name="unhappy ? 'warning' : 'gone'" /><span>{{ why }}</span></div>
    <div id="jp-last-words"></div>
    <div v-if="oncall" class="jp-oncall"><button class="jp-btn" type="button" :disabled="asked" @click="again"><JpIcon name="play" />{{ asked ? 'Asked for' : 'Run again as it was' }}</button>
      <template v-if="mute?.until"><span>The job is muted {{ heldBy(mute.by) }}until <JpTime :at="mute.until" look="when" />, or until it succeeds.</span><button class="jp-btn" type="button" @click="unmuteJob">Unmute</button></template>
      <button v-else class="jp-btn" type="button" @click="muteJob"><JpIcon name="mute" />Mute 1 h</button></div>
    <JpSince v-if="unhappy && change?.since" :since="change" :job="run.job_id" />
    <div v-if="!never" class="jp-kpis">
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Due to started</span><span class="jp-kpi__value">{{ startDelay }}</span><span class="jp-kpi__note">{{ delayParts }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Duration</span><span class="jp-kpi__value">{{ took }}</span><span class="jp-kpi__note">{{ usual }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">CPU · peak memory</span><span class="jp-kpi__value jp-kpi__value--pair">{{ cost }}</span><span class="jp-kpi__note">{{ printed }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Exit</span><span class="jp-kpi__value" :class="{ 'jp-bad': unhappy }">{{ exit }}</span><span class="jp-kpi__note">{{ limit }}</span></div>
    </div>

    <section class="jp-card jp-steps" aria-label="What happened when">
      <ol class="jp-steps__list">
        <li v-for="step in steps" :key="step.word" :class="{ 'jp-steps__todo': !step.at, 'jp-steps__now': step.now, 'jp-steps__bad': step.bad, 'jp-steps__idle': step.idle }">
          <span class="jp-steps__dot"></span><span class="jp-steps__word">{{ step.word }}</span>
          <JpTime v-if="step.at" :at="step.at" look="log" /><span v-else class="jp-muted">–</span>
          <span class="jp-steps__gap">{{ step.gap }}</span>
        </li>
      </ol>
      <dl class="jp-facts jp-facts--row"><div><dt>Script</dt><dd><span class="jp-mono">{{ [run.script, ...run.args].join(' ') }}</span><template v-if="one?.script_sha256"><span class="jp-version jp-mono" :title="'SHA-256 ' + one.script_sha256">{{ shortHash(one.script_sha256) }}</span></template></dd></div>
        <div><dt>{{ repeatsInstant ? 'For the instant' : 'Due' }}</dt><dd><JpTime :at="repeatsInstant ? run.nominal_at : run.due_at" /></dd></div>
        <div v-if="many && shown.executor"><dt>Executor</dt><dd><a class="jp-link" :href="'/executors/' + encodeURIComponent(shown.executor)">{{ shown.executor }}</a></dd></div>
        <div v-if="one?.sandbox"><dt>Sandbox</dt><dd class="jp-sandbox"><JpIcon :name="one.sandbox === 'process' ? 'warning' : 'shield'" /><span class="jp-nowrap">{{ level(one.sandbox) }}</span><span v-if="one.sandbox_features" class="jp-muted">{{ one.sandbox_features }}</span></dd></div>
        <div v-if="run.parameters.length"><dt>Parameters</dt><dd class="jp-mono"><template v-for="(one, index) in run.parameters" :key="one.name">{{ index ? ', ' : '' }}{{ one.name }}=<span v-if="one.value === null" class="jp-muted">set, not shown</span><template v-else>{{ one.value }}</template></template></dd></div>
        <div v-for="[word, others] in chained" :key="word"><dt>{{ word }}</dt><dd><template v-for="(other, index) in others" :key="other.run_id">{{ index ? ', ' : '' }}<a class="jp-link" :href="'/runs/' + other.run_id">{{ nameOf(other) }}</a> <span class="jp-muted">{{ ended(other) }}</span></template></dd></div></dl>
    </section>
    <JpUsage v-if="one?.usage" :key="one.number" :usage="one.usage" />
    <JpFiles v-if="files?.items.length" :items="files.items" :run="run.id" :attempt="one.number" /></div>
    <RerunDialog ref="rerun" />
  </div>`,
  data: (self) => ({ ...watchRun(self.initial), tick, states: STATES, change: null, files: null, mute: null, asked: false }),
  computed: {
    active() { return isActive(this.run.state); },
    stopping() { return isStopping(this.run); },
    stopBy() { return this.run.stop_asked_by && this.run.stop_asked_by !== "local" ? `by ${this.run.stop_asked_by} ` : ""; },
    // What who is called for a failure does about it, beside its last lines.
    oncall() { return isUnhappy(this.run.state) && this.run.number && this.run.instants === 1; },
    unhappy() { return isUnhappy(this.shown.state); },
    never() { return this.run.state === "skipped" || this.run.state === "missed"; },
    asksForChange() { return this.unhappy && !this.never && this.one ? `/runs/${this.run.id}/changes?attempt=${this.one.number}` : ""; },
    asksForFiles() { return this.one?.finished_at ? `/runs/${this.run.id}/artifacts?attempt=${this.one.number}` : ""; },
    tone() { return toneOf(this.shown.state); },
    many() { return this.run.attempts.length > 1; },
    newest() { return this.run.attempts.at(-1); },
    number() { return this.chosen.number ?? this.newest?.number; },
    one() { return this.run.attempts.find((attempt) => attempt.number === this.number); },
    // What the figures are about: an older attempt, or the run as it stands with its newest one.
    shown() { return this.chosen.number && this.one ? this.one : this.run; },
    dueAt() { return this.one && this.one.number > 1 ? this.one.due_at : this.run.due_at; },
    by() { return this.run.requested_by && this.run.requested_by !== "local" ? ` by ${this.run.requested_by}` : ""; },
    cause() { return `${CAUSES[this.run.cause] ?? this.run.cause}${this.by}`; },
    chained() { return [["Started by", this.run.started_by.length > 1 ? this.run.started_by : []], ["Started", this.run.started]].filter(([, others]) => others.length); },
    // A run made up for, or repeated, is due when it was asked for; the instant that it is for is another one.
    repeatsInstant() { return this.run.cause === "backfill" || Boolean(this.run.rerun_of && this.run.schedule_id); },
    why() {
      const { shown } = this;
      const said = reasonOf(shown);
      if (shown.state === "queued" && this.one?.number > 1 && Date.parse(this.dueAt) > this.tick.now) return `${said} Attempt ${this.one.number} of ${this.run.tries} starts ${until(this.dueAt, this.tick.now)}.`;
      if (shown.state === "queued" && lacksLevel(this.run)) return lacksLevel(this.run);
      if (shown.state === "timed_out") return `It was stopped at its timeout of ${seconds(this.run.timeout_s)}. ${said}`;
      if (shown.state === "failed" && !said && shown.signal != null) return `The script was ended by signal ${shown.signal}.`;
      return isActive(shown.state) || shown.state === "succeeded" ? "" : said;
    },
    startDelay() {
      if (this.shown.started_at) return duration(ms(this.dueAt, this.shown.started_at));
      const waited = this.tick.now - Date.parse(this.dueAt);
      return isActive(this.shown.state) && waited > 0 ? duration(waited) : "–";
    },
    delayParts() {
      const { one } = this;
      if (one?.claimed_at && !one.started_at && this.shown.state === "running") return `claimed after ${duration(ms(this.dueAt, one.claimed_at))}, being made ready`;
      if (!one?.claimed_at || !one.started_at) return !isActive(this.shown.state) ? "never started" : Date.parse(this.dueAt) > this.tick.now ? "waits for its instant" : "waiting for an executor";
      return `claimed after ${duration(ms(this.dueAt, one.claimed_at))}, started +${duration(ms(one.claimed_at, one.started_at))}`;
    },
    took() {
      const { shown } = this;
      if (shown.state !== "running" || !shown.started_at) return duration(shown.duration_ms);
      const whole = Math.floor(Math.max(0, this.tick.now - Date.parse(shown.started_at)) / 1000);
      return seconds(whole);
    },
    usual() { return this.run.usual_ms == null ? "no usual value yet" : `usually ${duration(this.run.usual_ms)}`; },
    cost() { const { one } = this; return one?.cpu_ms == null ? "–" : `${duration(one.cpu_ms)} · ${bytes(one.peak_memory_bytes)}`; },
    printed() {
      const { one } = this;
      if (one?.stdout_bytes == null) return this.shown.state === "running" ? "known at the end" : "";
      return `printed ${bytes(one.stdout_bytes)}${one.stderr_bytes ? `, ${bytes(one.stderr_bytes)} on stderr` : ""}`;
    },
    exit() { return exitOf(this.shown); },
    limit() {
      const { shown, run } = this;
      if (shown.state !== "running" || !shown.started_at) return `timeout ${seconds(run.timeout_s)}`;
      const left = Date.parse(shown.started_at) + run.timeout_s * 1000 - this.tick.now;
      return left > 0 ? `timeout in ${seconds(Math.ceil(left / 1000))}` : "stopping at its timeout";
    },
    steps() {
      const { shown, one } = this;
      // The broker's confirmation may come after the claim: it was queued before it was claimed all the same.
      const queued = one?.claimed_at && one.published_at > one.claimed_at ? one.claimed_at : one?.published_at;
      const list = [
        { word: "Due", at: this.dueAt },
        { word: "Queued", at: queued },
        { word: "Claimed", at: one?.claimed_at },
        ...(one?.prepared_ms == null || !one.claimed_at ? [] : [{ word: "Prepared", at: new Date(Date.parse(one.claimed_at) + one.prepared_ms).toISOString() }]),
        { word: "Started", at: one?.started_at ?? shown.started_at },
        { word: { failed: "Failed", timed_out: "Timed out", lost: "Lost", cancelled: "Cancelled", skipped: "Skipped", missed: "Missed" }[shown.state] ?? "Ended", at: shown.finished_at, bad: this.unhappy, idle: this.never || shown.state === "cancelled" },
      ];
      let last = null;
      for (const step of list) {
        if (!step.at) continue;
        step.gap = last ? `+${duration(ms(last, step.at))}` : "";
        last = step.at;
      }
      const reached = list.findLastIndex((step) => step.at);
      if (isActive(shown.state)) list[reached].now = true;
      return this.never ? [list[0], list.at(-1)] : list;
    },
  },
  // Of an attempt that has ended badly it is asked once what had changed before it. Its files are asked for
  // when it has ended, and when all that it sent has come.
  watch: {
    asksForFiles: { immediate: true, handler() { this.files = null; this.readFiles(); } },
    oncall: {
      immediate: true,
      async handler(is) { if (is) this.mute = await api(`/jobs/${this.run.job_id}/mute`).catch(() => null); },
    },
    "seen.whole"() { this.readFiles(); },
    asksForChange: {
      immediate: true,
      async handler(path) {
        this.change = null;
        const answer = path ? await api(path).catch(() => null) : null;
        if (path === this.asksForChange) this.change = answer;
      },
    },
  },
  mounted() { this.showTab(); },
  methods: {
    level: toldPiece,
    toneOf, shortHash, heldBy,
    async again() {
      this.asked = true;
      const runId = await attempt(() => jobActions.runAgain(this.run), null);
      if (runId) toast(`Asked for another run of ${this.run.job_name}.`, { href: `/runs/${runId}` });
      this.asked = Boolean(runId);
    },
    muteJob() { const job = { id: this.run.job_id, name: this.run.job_name }; return jobActions.mute(job, () => (this.mute = null)).then((mute) => (this.mute = mute)); },
    async unmuteJob() { if (await jobActions.unmute({ id: this.run.job_id })) this.mute = null; },
    nameOf: (other) => `${other.number ? `#${other.number}` : "a run"} of ${other.job_name}`,
    ended: (other) => (STATES[other.state]?.word ?? other.state).toLowerCase(),
    async readFiles() {
      const path = this.asksForFiles;
      if (!path || this.files?.complete) return;
      const answer = await api(path).catch(() => null);
      if (answer && path === this.asksForFiles) this.files = answer;
    },
    stopped(fresh) { Object.assign(this.run, fresh); },
    // On a phone the chosen tab may lie outside of the row that scrolls.
    showTab() { this.$el.querySelector(".jp-tabs__item[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); },
    choose(number) { chooseAttempt(this.chosen, number === this.newest.number ? null : number); },
    // Tabs as everybody knows them: arrows go along, Home and End to the ends.
    step(event) {
      const way = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (!way) return;
      event.preventDefault();
      const { attempts } = this.run;
      const at = Math.max(0, Math.min(attempts.length - 1, attempts.indexOf(this.one) + way));
      this.choose(attempts[at].number);
      this.$nextTick(() => { document.getElementById(`jp-attempt-${attempts[at].number}`)?.focus(); this.showTab(); });
    },
  },
};
