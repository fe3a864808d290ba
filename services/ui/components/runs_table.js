// Runs, newest first and live: of every job on /runs, of one job on its page.
import { CAUSES, REASONS, STATES, duration, exitOf, isActive, isStopping, parts, plural, reasonOf, screenSize, tick, toneOf, when } from "jp_format";
import { api, attempt, debounced, follow, fromUrl, jobActions, lacksLevel, query, rememberInUrl } from "jp_core";
import { CancelDialog } from "jp_controls";
import { RunsDialog } from "jp_bulk";
import { BackfillDialog, RerunDialog, rangeOfRun } from "jp_dialogs";
import { sentences, word } from "jp_words";

// The API takes several states with commas between them.
const FILTERS = [["", "All"], ["running", "Running"], ["held,queued", "Waiting"], ["succeeded", "Succeeded"],
  ["failed,timed_out,lost", "Failed"], ["skipped,missed", "Not run"], ["skipped", "Skipped"], ["missed", "Missed"], ["cancelled", "Cancelled"]];

const [WAITING, FAILED] = ["held,queued", "failed,timed_out,lost"];
const HOUR_MS = 3_600_000;
const TIMES = [["1h", "Last hour", HOUR_MS], ["24h", "Last 24 hours", 24 * HOUR_MS], ["7d", "Last 7 days", 168 * HOUR_MS]];

// Which reasons are worth choosing, by the filter of states.
const NOT_RUN = { skipped: ["overlap", "coincides", "calendar", "braked"], missed: ["downtime", "deadline"] };
const REASONS_OF = {
  "skipped,missed": [...NOT_RUN.skipped, ...NOT_RUN.missed], ...NOT_RUN, cancelled: ["requested", "overlap", "paused", "edited", "deleted"],
  "failed,timed_out,lost": ["start-error", "script-changed", "environment", "memory-limit", "cpu-limit", "disk-limit", "process-limit", "output", "disk", "silent", "executor-gone"],
};

export default {
  components: { ...parts, BackfillDialog, CancelDialog, RerunDialog, RunsDialog },
  props: { job: String },
  template: `
  <section :aria-labelledby="job ? 'jp-runs-title' : null" :aria-label="job ? null : 'Runs'">
    <p class="jp-clip" aria-live="polite">{{ loaded ? heard : '' }}</p>
    <div class="jp-bar"><h2 v-if="job" id="jp-runs-title" class="jp-bar__title">Runs</h2>
      <div v-else class="jp-bar__search" role="search"><JpIcon name="search" /><input class="jp-input" type="search" data-jp-search aria-label="Search runs by their job" placeholder="Search by job" maxlength="200" v-model="q" autocomplete="off" spellcheck="false" @input="typed" @keydown.esc="q = ''; typed()"></div>
      <div class="jp-filters" role="group" aria-label="Filter by state">
      <button v-for="[key, word] in filters" :key="key" type="button" class="jp-filter" :aria-pressed="state === key" @click="choose(key)">{{ word }}</button>
      <button v-if="ofJob && !job" type="button" class="jp-filter" aria-pressed="true" :aria-label="'Only runs of ' + (jobName || 'one job') + '. Remove this filter'" @click="forgetJob">Job: {{ jobName || 'one' }}<JpIcon name="cross" /></button>
      <button v-if="from || to" type="button" class="jp-filter" aria-pressed="true" :aria-label="'Only runs due ' + windowWords + '. Remove this filter'" @click="forgetWindow">{{ windowWords }}<JpIcon name="cross" /></button>
    </div>
      <select v-if="reasons.length" class="jp-select jp-bar__select" aria-label="Filter by reason" :value="reason" @change="because($event.target.value)">
        <option value="">Any reason</option><option v-for="key in reasons" :key="key" :value="key">{{ reasonWords[key].word }}</option></select>
      <select v-if="!job && !from && !to" class="jp-select jp-bar__select" aria-label="Filter by time" :value="within" @change="lately($event.target.value)">
        <option value="">Any time</option><option v-for="[key, word] in times" :key="key" :value="key">{{ word }}</option></select>
      <template v-if="!job"><select class="jp-select jp-bar__select" aria-label="Filter by cause" :value="cause" @change="only({ cause: $event.target.value })">
        <option value="">Any cause</option><option v-for="(word, key) in causes" :key="key" :value="key">{{ word }}</option></select>
      <select v-if="places.length" class="jp-select jp-bar__select" aria-label="Filter by executor" :value="executor" @change="only({ executor: $event.target.value })">
        <option value="">Any executor</option><option v-for="name in places" :key="name" :value="name">{{ name }}</option></select></template>
      <span v-if="many && loaded && runs.length" class="jp-bar__end"><button type="button" class="jp-btn jp-btn--small" :class="{ 'jp-btn--bad': many === 'cancel' }" @click="$refs.all.open(many, asked())"><JpIcon :name="many === 'cancel' ? 'ban' : 'play'" />{{ many === 'cancel' ? 'Cancel all…' : 'Run all again…' }}</button></span></div>
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The runs cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !runs.length" class="jp-empty"><JpIcon name="play" />
        <template v-if="next"><h2>Not among these runs</h2><p>So many runs were looked through, newest first, and none is of a job that matches.</p><button class="jp-btn" type="button" @click="turn(1)">Look through older ones</button></template>
        <template v-else-if="q || state || reason || within || cause || executor || from || to || ofJob && !job"><h2>No run matches</h2><p>{{ filterWords }}</p><button class="jp-btn" type="button" @click="showAll">{{ job ? 'Show all states' : 'Show all runs' }}</button></template>
        <template v-else><h2>No runs yet</h2><p>{{ job ? 'Run now starts one at once; a schedule starts them at their time.' : 'Runs appear here when a job is due, or when somebody runs one.' }}</p></template></div>

      <ul v-else-if="screen.narrow && !loaded" class="jp-cards" aria-hidden="true"><li v-for="row in 3" :key="row" class="jp-ghostcard"></li></ul>
      <ul v-else-if="screen.narrow" class="jp-cards">
        <li v-for="run in runs" :key="run.id">
          <a class="jp-cards__name" data-jp-row :href="'/runs/' + run.id"><template v-if="!job"><bdi>{{ run.job_name }}</bdi>{{ ' ' }}</template><span class="jp-muted">{{ numberOf(run) }}</span></a>
          <JpChip :state="run.state" :stopping="stopping(run)" />
          <span class="jp-cards__line"><JpTime :at="run.due_at" /><span v-if="share(run)">{{ took(run) }}</span><span v-if="run.attempt > 1">attempt {{ run.attempt }}</span></span>
          <span v-if="never(run)" class="jp-cards__line"><span class="jp-cards__why">{{ why(run) }}</span><button class="jp-btn jp-btn--small" type="button" @click="makeUp(run)">{{ run.instants > 1 ? 'Run some…' : 'Run it now' }}</button></span>
          <span v-else-if="endable(run)" class="jp-cards__line"><span v-if="run.state === 'queued' && lacking(run)" class="jp-cards__why">{{ lacking(run) }}</span><button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Cancel run ' + run.job_name + ' ' + numberOf(run)" @click="$refs.cancel.open(run)">Cancel run</button></span>
        </li>
      </ul>
      <div v-else class="jp-scroll">
        <table class="jp-table">
          <caption class="jp-clip">Runs, newest first</caption>
          <thead><tr><th scope="col">Run</th><th v-if="!job" scope="col" class="jp-table__half">Job</th><th scope="col">State</th><th scope="col">Due</th><th scope="col">Started</th>
            <th scope="col">Duration</th><th scope="col">Executor</th><th scope="col">Cause</th><th scope="col" :class="job ? 'jp-table__grow' : 'jp-table__half'">What happened</th><th scope="col"><span class="jp-clip">Actions</span></th></tr></thead>
          <tbody v-if="loaded">
            <tr v-for="run in runs" :key="run.id">
              <td><a class="jp-table__link jp-strong" data-jp-row :href="'/runs/' + run.id">{{ numberOf(run) }}</a></td>
              <td v-if="!job" class="jp-table__half"><a class="jp-table__name" :href="'/jobs/' + run.job_id" :title="run.job_name"><span class="jp-lines2">{{ run.job_name }}</span></a></td>
              <td><a :href="'/runs/' + run.id" tabindex="-1" aria-hidden="true"><JpChip :state="run.state" :stopping="stopping(run)" /></a><span class="jp-clip">{{ stopping(run) ? 'Stopping' : words[run.state].word }}</span><span v-if="run.attempt > 1" class="jp-table__sub2 jp-table__try">attempt {{ run.attempt }}</span></td>
              <td><JpTime :at="run.due_at" /><span v-if="run.instants > 1" class="jp-table__sub2">to <JpTime :at="run.nominal_until" /></span></td>
              <td class="jp-muted jp-figures">{{ delay(run) }}</td>
              <td class="jp-figures" :class="{ 'jp-muted': !share(run) }"><span class="jp-ratio" :class="['jp-tone--' + tone(run.state), { 'jp-ratio--none': !share(run) }]" aria-hidden="true"><span :style="{ width: share(run) + '%' }"></span></span>{{ took(run) }}</td>
              <td :class="{ 'jp-muted': !run.executor }"><a v-if="run.executor" class="jp-table__link" :href="'/executors/' + encodeURIComponent(run.executor)">{{ run.executor }}</a><template v-else>–</template></td>
              <td>{{ causes[run.cause] || run.cause }}</td>
              <td class="jp-muted" :class="job ? 'jp-table__grow' : 'jp-table__half'" :title="what(run)"><span class="jp-lines2">{{ what(run) || '–' }}</span></td>
              <td class="jp-table__do"><button v-if="never(run)" class="jp-iconbtn" type="button" :title="makeUpWords(run)" :aria-label="makeUpWords(run) + ', ' + run.job_name + ' ' + numberOf(run)" @click="makeUp(run)"><JpIcon name="play" /></button>
                <button v-else-if="endable(run)" class="jp-iconbtn" type="button" title="Cancel run" :aria-label="'Cancel run ' + run.job_name + ' ' + numberOf(run)" @click="$refs.cancel.open(run)"><JpIcon name="ban" /></button>
                <button v-else-if="ran(run)" class="jp-iconbtn" type="button" title="Run again…" aria-haspopup="dialog" :aria-label="'Run again, ' + run.job_name + ' ' + numberOf(run)" @click="again(run)"><JpIcon name="play" /></button></td>
            </tr>
          </tbody>
          <tbody v-else><tr v-for="row in 6" :key="row" class="jp-ghostrow"><td v-for="width in job ? [30, 72, 120, 50, 120, 60, 60, 120, 20] : [30, 140, 72, 120, 50, 120, 60, 60, 120, 20]" :key="width"><span :style="{ width: width + 'px' }"></span></td></tr></tbody>
        </table>
      </div>
      <div v-if="loaded && (next || before.length)" class="jp-card__foot"><span>{{ cut ? plural(runs.length, 'run') + ' found so far. Older looks further' : before.length ? 'Page ' + (before.length + 1) : 'The newest ' + runs.length + ' runs' }}</span>
        <span class="jp-bar__end"><button class="jp-btn jp-btn--small" type="button" :disabled="!before.length" @click="turn(-1)">Newer</button>
        <button class="jp-btn jp-btn--small" type="button" :disabled="!next" @click="turn(1)">Older</button></span></div>
    </div>
    <BackfillDialog ref="backfill" /><RerunDialog ref="rerun" />
    <CancelDialog ref="cancel" @done="onRuns([$event])" /><RunsDialog ref="all" @done="load" />
  </section>`,
  data: (self) => ({
    tick, screen: screenSize, filters: FILTERS, words: STATES, causes: CAUSES, reasonWords: REASONS, limit: self.job ? 25 : 50,
    state: self.job ? "" : fromUrl("state"), reason: self.job ? "" : fromUrl("reason"), ofJob: self.job || fromUrl("job"), after: self.job ? "" : fromUrl("after"),
    from: self.job ? "" : fromUrl("from"), to: self.job ? "" : fromUrl("to"),
    q: self.job ? "" : fromUrl("q"), cause: self.job ? "" : fromUrl("cause"), executor: self.job ? "" : fromUrl("executor"), executors: [],
    within: self.job ? "" : fromUrl("within"), times: TIMES, before: [], runs: [], next: null, loaded: false, error: "",
  }),
  created() {
    this.reload = debounced(() => this.load(), 120);
    this.typed = debounced(() => this.only({}), 150);
    this.stop = follow("runs", this.onRuns, { load: this.load });
    if (!this.job) api("/executors").then(({ items }) => (this.executors = items.map((one) => one.name)), () => {});
  },
  // On a phone the chosen filter may lie outside of the row that scrolls.
  mounted() {
    const [chosen, row] = [".jp-filter[aria-pressed=true]", ".jp-filters"].map((one) => this.$el.querySelector(one)?.getBoundingClientRect());
    // Only the row, not the page: on that of a job it lies below what is read first.
    if (chosen) this.$el.querySelector(".jp-filters").scrollLeft += chosen.left + chosen.width / 2 - row.left - row.width / 2;
  },
  beforeUnmount() { this.stop(); },
  computed: {
    // A search looks at so many runs for a page: a short one that is not the last was cut there.
    cut() { return this.next && this.runs.length < this.limit; },
    jobName() { return this.runs[0]?.job_name ?? ""; },
    windowWords() {
      const said = (iso) => (Number.isNaN(Date.parse(iso)) ? iso : when(iso));
      return [this.from && `from ${said(this.from)}`, this.to && `until ${said(this.to)}`].filter(Boolean).join(" ");
    },
    reasons() { return REASONS_OF[this.state] ?? []; },
    // Also one that is asked for and gone: what narrows the list is always seen, and can be taken away.
    places() { return [...new Set([...this.executors, this.executor])].filter(Boolean).sort(); },
    // What can be done to all that are shown, on every page of them.
    many() { return this.state === FAILED ? "rerun" : this.state === WAITING ? "cancel" : null; },
    filterWords() {
      const words = this.state.split(",").map((state) => STATES[state]?.word ?? state).join(" or ");
      if (this.q || this.cause || this.executor) return "Shown are only the runs that all filters leave.";
      if (this.from || this.to) return `Shown are runs due ${this.windowWords}.`;
      const because = this.reason ? ` because of ${REASONS[this.reason]?.word.toLowerCase() ?? this.reason}` : "";
      const lately = TIMES.find(([key]) => key === this.within)?.[1].replace("Last", " of the last") ?? "";
      const which = `${this.ofJob ? "this job's runs" : word("runs")}${lately}`;
      if (this.state) return `Shown are ${which} whose state is ${words}${because}.`;
      return lately ? `Shown are ${which}.` : "This job has no runs.";
    },
    // What a search or a filter left, for those who hear the page.
    heard() { return this.runs.length ? `${plural(this.runs.length, "run")} on this page` : this.next ? "Not among these runs" : "No run matches"; },
    // Bars are relative to the longest on the page: one look finds the odd one out.
    longest() { return Math.max(1, ...this.runs.map((run) => run.duration_ms ?? 0)); },
  },
  methods: {
    tone: toneOf, why: reasonOf, stopping: isStopping, lacking: lacksLevel,
    endable: (run) => isActive(run.state) && !isStopping(run),
    // An instant that did not run, and can after the fact; who asked for a run can ask again.
    never: (run) => (run.state === "skipped" || run.state === "missed") && run.schedule_id != null,
    ran: (run) => run.number && run.instants === 1 && !isActive(run.state),
    async again(run) {
      const whole = await attempt(() => api(`/runs/${run.id}`), null);
      if (whole) this.$refs.rerun.open(whole);
    },
    what(run) {
      const text = (run.state === "queued" && lacksLevel(run)) || this.why({ ...run, instants: 1 });
      if (run.instants > 1) return sentences([plural(run.instants, "instant"), text]);
      // A run after the fact is due when it was asked for: which instant it makes up for is said here.
      if (run.cause === "backfill" && run.nominal_at !== run.due_at) return sentences([`For ${when(run.nominal_at)}.`, text]);
      return text || (run.exit_code || run.signal != null ? `exit ${exitOf(run)}` : "");
    },
    makeUpWords: (run) => (run.instants > 1 ? "Choose what to run of these instants" : "Run it now after the fact"),
    makeUp(run) {
      const job = { id: run.job_id, name: run.job_name };
      if (run.instants > 1) this.$refs.backfill.open(job, rangeOfRun(run));
      else jobActions.backfill(job.id, rangeOfRun(run), `Asked for a run of ${job.name} for ${when(run.nominal_at)}.`);
    },
    numberOf: (run) => (run.number ? `#${run.number}` : "requested"),
    took(run) { return run.state === "running" && run.started_at ? duration(Math.max(1000, tick.now - Date.parse(run.started_at))) : duration(run.duration_ms); },
    share(run) {
      const ms = run.state === "running" && run.started_at ? tick.now - Date.parse(run.started_at) : run.duration_ms ?? 0;
      return ms > 0 ? Math.max(3, Math.min(100, (100 * ms) / this.longest)) : 0;
    },
    delay: (run) => (run.started_at ? `+${duration(Math.max(0, Date.parse(run.started_at) - Date.parse(run.due_at)))}` : "–"),
    async load() {
      this.loading?.abort();
      const mine = (this.loading = new AbortController());
      try {
        const { after, limit } = this;
        const page = await api(`/runs${query({ ...this.asked(), after, limit })}`, { signal: mine.signal });
        Object.assign(this, { runs: page.items, next: page.next, loaded: true, error: "" });
      } catch (error) {
        if (error.name !== "AbortError") this.error = error.message;
      }
    },
    // The filter as the API takes it; a window of time ends now, whenever that is.
    asked() {
      const ms = TIMES.find(([key]) => key === this.within)?.[2];
      const set = { q: this.q.trim(), state: this.state, reason: this.reason, cause: this.cause, executor: this.executor, job: this.ofJob, from: this.from || (ms ? new Date(Date.now() - ms).toISOString() : ""), to: this.to };
      return Object.fromEntries(Object.entries(set).filter(([, value]) => value));
    },
    lately(within) { Object.assign(this, { within, after: "", before: [] }); this.show(); },
    show() {
      if (!this.job) rememberInUrl({ q: this.q.trim(), state: this.state, reason: this.reason, cause: this.cause, executor: this.executor, within: this.within, job: this.ofJob, from: this.from, to: this.to, after: this.after });
      return this.load();
    },
    showAll() { Object.assign(this, { q: "", within: "", cause: "", executor: "", ofJob: this.job || "", from: "", to: "" }); this.choose(""); },
    choose(state) { Object.assign(this, { state, reason: "", after: "", before: [] }); this.show(); },
    only(which) { Object.assign(this, which, { after: "", before: [] }); this.show(); },
    because(reason) { Object.assign(this, { reason, after: "", before: [] }); this.show(); },
    forgetJob() { Object.assign(this, { ofJob: "", after: "", before: [] }); this.show(); },
    forgetWindow() { Object.assign(this, { from: "", to: "", after: "", before: [] }); this.show(); },
    turn(way) {
      if (way > 0) { this.before.push(this.after); this.after = this.next; } else this.after = this.before.pop();
      this.show();
    },
    onRuns(items) {
      let unknown = false;
      for (const item of items) {
        if (this.ofJob && item.job_id !== this.ofJob) continue;
        const run = this.runs.find((known) => known.id === item.id);
        if (!run) { unknown = true; continue; }
        // The exact figures of a run that ended come with the list, and what ended the attempt before; and a
        // change of nothing that a row shows means that somebody asked for its end.
        const isQuiet = item.state === run.state && item.started_at === run.started_at && !("stop_asked_at" in item);
        if (!isActive(item.state) || item.attempt !== run.attempt || isQuiet) unknown = true;
        Object.assign(run, item);
      }
      // Older pages stand still; the first one takes in what is new.
      if (unknown && !this.after) this.reload();
    },
  },
};
