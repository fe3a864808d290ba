// The head and the facts of a run: how it stands, how long each step took, on which executor.
import { CAUSES, bytes, duration, exitOf, isActive, isStopping, isUnhappy, parts, reasonOf, seconds, tick, toneOf } from "jp_format";
import { jobActions, watchRun } from "jp_core";
import { CancelDialog } from "jp_controls";

const ms = (from, to) => Math.max(0, Date.parse(to) - Date.parse(from));

export default {
  components: { ...parts, CancelDialog },
  props: { initial: Object },
  template: `
  <div>
    <div class="jp-head">
      <div class="jp-head__title">
        <nav class="jp-crumbs" aria-label="You are here"><a href="/jobs">Jobs</a><span>/</span><a :href="'/jobs/' + run.job_id">{{ run.job_name }}</a></nav>
        <h1>{{ run.number ? 'Run #' + run.number : 'Run' }}</h1><JpChip :state="run.state" :stopping="stopping" />
        <span class="jp-head__sub"><template v-if="stopping">end asked for {{ stopBy }}<JpRelative :at="run.stop_asked_at" /> · </template>{{ cause }}<template v-if="run.executor"> · {{ run.executor }}</template><template v-if="run.attempt > 1"> · attempt {{ run.attempt }}</template></span>
      </div>
      <div class="jp-head__do">
        <button v-if="active" class="jp-btn jp-btn--bad" type="button" :disabled="stopping" @click="$refs.cancel.open(run)"><JpIcon name="ban" />{{ stopping ? 'Stopping…' : 'Cancel run' }}</button>
        <a class="jp-btn" :href="'/jobs/' + run.job_id">Open job</a>
        <button class="jp-btn" :class="{ 'jp-btn--main': !active }" type="button" @click="again"><JpIcon name="play" />{{ active ? 'Run another' : 'Run again' }}</button>
      </div>
    </div>
    <p class="jp-clip" aria-live="polite">Run {{ run.number }} is {{ stopping ? 'stopping' : run.state.replace('_', ' ') }}</p>
    <CancelDialog ref="cancel" @done="stopped" />
    <div v-if="why" class="jp-notice" :class="'jp-tone--' + tone"><JpIcon :name="unhappy ? 'warning' : 'gone'" /><span>{{ why }}</span></div>

    <div v-if="!never" class="jp-kpis">
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Due to started</span><span class="jp-kpi__value">{{ startDelay }}</span><span class="jp-kpi__note">{{ delayParts }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Duration</span><span class="jp-kpi__value">{{ took }}</span><span class="jp-kpi__note">{{ usual }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">CPU · peak memory</span><span class="jp-kpi__value">{{ cost }}</span><span class="jp-kpi__note">{{ printed }}</span></div>
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
      <dl class="jp-facts jp-facts--row"><div><dt>Script</dt><dd class="jp-mono">{{ [run.script, ...run.args].join(' ') }}</dd></div>
        <div><dt>Due</dt><dd><JpTime :at="run.due_at" /></dd></div>
        <div v-if="newest?.sandbox"><dt>Sandbox</dt><dd>{{ newest.sandbox }}</dd></div></dl>
    </section>
    <section v-if="run.attempts.length > 1" class="jp-card jp-attempts" aria-labelledby="jp-attempts"><div class="jp-card__head"><h2 id="jp-attempts">Attempts</h2></div>
      <div class="jp-scroll"><table class="jp-table"><thead><tr><th scope="col">Attempt</th><th scope="col">State</th><th scope="col">Executor</th><th scope="col">Started</th><th scope="col">Duration</th><th scope="col">Exit</th><th scope="col" class="jp-table__grow">Why</th></tr></thead>
        <tbody><tr v-for="one in run.attempts" :key="one.number"><td>{{ one.number }}</td><td><JpChip :state="one.state" /></td><td>{{ one.executor || '–' }}</td><td><JpTime :at="one.started_at" /></td><td>{{ duration(one.duration_ms) }}</td><td>{{ exitOf(one) }}</td><td class="jp-table__grow">{{ reasonOf(one) || '–' }}</td></tr></tbody></table></div></section>
  </div>`,
  data: (self) => ({ ...watchRun(self.initial), tick }),
  computed: {
    active() { return isActive(this.run.state); },
    stopping() { return isStopping(this.run); },
    stopBy() { return this.run.stop_asked_by && this.run.stop_asked_by !== "local" ? `by ${this.run.stop_asked_by} ` : ""; },
    unhappy() { return isUnhappy(this.run.state); },
    never() { return this.run.state === "skipped" || this.run.state === "missed"; },
    tone() { return toneOf(this.run.state); },
    newest() { return this.run.attempts.at(-1); },
    cause() {
      const by = this.run.requested_by && this.run.requested_by !== "local" ? ` by ${this.run.requested_by}` : "";
      return `${CAUSES[this.run.cause] ?? this.run.cause}${by}`;
    },
    why() {
      const { run } = this;
      const said = reasonOf(run);
      if (run.state === "timed_out") return `It was stopped at its timeout of ${seconds(run.timeout_s)}. ${said}`;
      if (run.state === "failed" && !said && run.signal != null) return `The script was ended by signal ${run.signal}.`;
      return this.active || run.state === "succeeded" ? "" : said;
    },
    startDelay() {
      if (this.run.started_at) return duration(ms(this.run.due_at, this.run.started_at));
      return this.active ? duration(Math.max(0, this.tick.now - Date.parse(this.run.due_at))) : "–";
    },
    delayParts() {
      const one = this.newest;
      if (!one?.claimed_at || !one.started_at) return this.active ? "waiting for an executor" : "never started";
      return `claimed after ${duration(ms(this.run.due_at, one.claimed_at))}, started +${duration(ms(one.claimed_at, one.started_at))}`;
    },
    took() {
      const { run } = this;
      if (run.state !== "running" || !run.started_at) return duration(run.duration_ms);
      const whole = Math.floor(Math.max(0, this.tick.now - Date.parse(run.started_at)) / 1000);
      return seconds(whole);
    },
    usual() { return this.run.usual_ms == null ? "no usual value yet" : `usually ${duration(this.run.usual_ms)}`; },
    cost() { const one = this.newest; return one?.cpu_ms == null ? "–" : `${duration(one.cpu_ms)} · ${bytes(one.peak_memory_bytes)}`; },
    printed() {
      const one = this.newest;
      if (one?.stdout_bytes == null) return this.run.state === "running" ? "known at the end" : "";
      return `printed ${bytes(one.stdout_bytes)}${one.stderr_bytes ? `, ${bytes(one.stderr_bytes)} on stderr` : ""}`;
    },
    exit() { return exitOf(this.run); },
    limit() {
      const { run } = this;
      if (run.state !== "running" || !run.started_at) return `timeout ${seconds(run.timeout_s)}`;
      const left = Date.parse(run.started_at) + run.timeout_s * 1000 - this.tick.now;
      return left > 0 ? `timeout in ${seconds(Math.ceil(left / 1000))}` : "stopping at its timeout";
    },
    steps() {
      const { run, newest } = this;
      // The broker's confirmation may come after the claim: it was queued before it was claimed all the same.
      const queued = newest?.claimed_at && newest.published_at > newest.claimed_at ? newest.claimed_at : newest?.published_at;
      const list = [
        { word: "Due", at: run.due_at },
        { word: "Queued", at: queued },
        { word: "Claimed", at: newest?.claimed_at },
        { word: "Started", at: newest?.started_at ?? run.started_at },
        { word: { failed: "Failed", timed_out: "Timed out", lost: "Lost", cancelled: "Cancelled", skipped: "Skipped", missed: "Missed" }[run.state] ?? "Ended", at: run.finished_at, bad: this.unhappy, idle: this.never || run.state === "cancelled" },
      ];
      let last = null;
      for (const step of list) {
        if (!step.at) continue;
        step.gap = last ? `+${duration(ms(last, step.at))}` : "";
        last = step.at;
      }
      const reached = list.findLastIndex((step) => step.at);
      if (this.active) list[reached].now = true;
      return this.never ? [list[0], list[4]] : list;
    },
  },
  methods: {
    duration, exitOf, reasonOf,
    stopped(fresh) { Object.assign(this.run, fresh); },
    async again() {
      const runId = await jobActions.runNow({ id: this.run.job_id, name: this.run.job_name });
      if (runId) location.href = `/runs/${runId}`;
    },
  },
};
