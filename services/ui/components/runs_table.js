// Runs, newest first and live: of every job on /runs, of one job on its page.
import { CAUSES, STATES, duration, exitOf, isActive, parts, reasonOf, screenSize, tick, toneOf } from "jp_format";
import { api, debounced, follow, fromUrl, query, rememberInUrl } from "jp_core";

// The API takes several states with commas between them.
const FILTERS = [["", "All"], ["running", "Running"], ["held,queued", "Waiting"], ["succeeded", "Succeeded"],
  ["failed,timed_out,lost", "Failed"], ["skipped,missed", "Not run"], ["cancelled", "Cancelled"]];

export default {
  components: parts,
  props: { job: String },
  template: `
  <section :aria-labelledby="job ? 'jp-runs-title' : null" :aria-label="job ? null : 'Runs'">
    <div v-if="!job" class="jp-bar"><div class="jp-filters" role="group" aria-label="Filter by state">
      <button v-for="[key, word] in filters" :key="key" type="button" class="jp-filter" :aria-pressed="state === key" @click="choose(key)">{{ word }}</button>
      <button v-if="ofJob" type="button" class="jp-filter" aria-pressed="true" :aria-label="'Only runs of ' + (jobName || 'one job') + '. Remove this filter'" @click="forgetJob">Job: {{ jobName || 'one' }}<JpIcon name="cross" /></button>
    </div></div>
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="job" class="jp-card__head"><h2 id="jp-runs-title">Runs</h2><a class="jp-link jp-small" :href="'/runs?job=' + job">Filter these runs</a></div>
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The runs cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !runs.length" class="jp-empty"><JpIcon name="play" />
        <template v-if="state || ofJob && !job"><h2>No run matches</h2><p>{{ filterWords }}</p><button class="jp-btn" type="button" @click="choose('')">Show all states</button></template>
        <template v-else><h2>No runs yet</h2><p>{{ job ? 'Run now starts one at once; a schedule starts them at their time.' : 'Runs appear here when a job is due, or when somebody runs one.' }}</p></template></div>

      <ul v-else-if="screen.narrow && !loaded" class="jp-cards" aria-hidden="true"><li v-for="row in 3" :key="row" class="jp-ghostcard"></li></ul>
      <ul v-else-if="screen.narrow" class="jp-cards">
        <li v-for="run in runs" :key="run.id">
          <a class="jp-cards__name" :href="'/runs/' + run.id">{{ job ? '' : run.job_name + ' ' }}<span class="jp-muted">{{ numberOf(run) }}</span></a>
          <JpChip :state="run.state" />
          <span class="jp-cards__line"><JpTime :at="run.due_at" /><span>{{ took(run) }}</span></span>
        </li>
      </ul>
      <div v-else class="jp-scroll">
        <table class="jp-table">
          <caption class="jp-clip">Runs, newest first</caption>
          <thead><tr><th scope="col">Run</th><th v-if="!job" scope="col" class="jp-table__grow">Job</th><th scope="col">State</th><th scope="col">Due</th><th scope="col">Started</th>
            <th scope="col">Duration</th><th scope="col">Executor</th><th scope="col">Cause</th><th scope="col" :class="{ 'jp-table__grow': job }">{{ job ? 'What happened' : 'Exit' }}</th></tr></thead>
          <tbody v-if="loaded">
            <tr v-for="run in runs" :key="run.id">
              <td><a class="jp-table__link jp-strong" :href="'/runs/' + run.id">{{ numberOf(run) }}</a></td>
              <td v-if="!job" class="jp-table__grow"><a class="jp-table__name" :href="'/jobs/' + run.job_id" :title="run.job_name">{{ run.job_name }}</a></td>
              <td><a :href="'/runs/' + run.id" tabindex="-1" aria-hidden="true"><JpChip :state="run.state" /></a><span class="jp-clip">{{ words[run.state].word }}</span></td>
              <td><JpTime :at="run.due_at" /></td>
              <td class="jp-muted">{{ delay(run) }}</td>
              <td><span class="jp-ratio" :class="'jp-tone--' + tone(run.state)" aria-hidden="true"><span :style="{ width: share(run) + '%' }"></span></span>{{ took(run) }}</td>
              <td>{{ run.executor || '–' }}</td>
              <td>{{ causes[run.cause] || run.cause }}</td>
              <td v-if="job" class="jp-table__grow jp-muted" :title="why(run)">{{ why(run) || '–' }}</td>
              <td v-else>{{ exit(run) }}</td>
            </tr>
          </tbody>
          <tbody v-else><tr v-for="row in 6" :key="row" class="jp-ghostrow"><td v-for="width in job ? [30, 72, 120, 50, 120, 60, 60, 120] : [30, 140, 72, 120, 50, 120, 60, 60, 20]" :key="width"><span :style="{ width: width + 'px' }"></span></td></tr></tbody>
        </table>
      </div>
      <div v-if="loaded && (next || before.length)" class="jp-card__foot"><span>{{ before.length ? 'Page ' + (before.length + 1) : 'The newest ' + runs.length + ' runs' }}</span>
        <span class="jp-bar__end"><button class="jp-btn jp-btn--small" type="button" :disabled="!before.length" @click="turn(-1)">Newer</button>
        <button class="jp-btn jp-btn--small" type="button" :disabled="!next" @click="turn(1)">Older</button></span></div>
    </div>
  </section>`,
  data: (self) => ({
    tick, screen: screenSize, filters: FILTERS, words: STATES, causes: CAUSES, limit: self.job ? 25 : 50,
    state: self.job ? "" : fromUrl("state"), ofJob: self.job || fromUrl("job"), after: self.job ? "" : fromUrl("after"),
    before: [], runs: [], next: null, loaded: false, error: "",
  }),
  created() {
    this.reload = debounced(() => this.load(), 120);
    this.stop = follow("runs", this.onRuns, { load: this.load });
  },
  beforeUnmount() { this.stop(); },
  computed: {
    jobName() { return this.runs[0]?.job_name ?? ""; },
    filterWords() { 
      const words = this.state.split(",").map((state) => STATES[state]?.word ?? state).join(", ");
      return this.state ? `Shown are ${this.ofJob ? "this job's runs" : "runs"} in the states ${words}.` : "This job has no runs.";
    },
    // Bars are relative to the longest on the page: one look finds the odd one out.
    longest() { return Math.max(1, ...this.runs.map((run) => run.duration_ms ?? 0)); },
  },
  methods: {
    tone: toneOf, why: reasonOf, exit: exitOf,
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
        const { state, ofJob: job, after, limit } = this;
        const page = await api(`/runs${query({ state, job, after, limit })}`, { signal: mine.signal });
        Object.assign(this, { runs: page.items, next: page.next, loaded: true, error: "" });
      } catch (error) {
        if (error.name !== "AbortError") this.error = error.message;
      }
    },
    show() {
      if (!this.job) rememberInUrl({ state: this.state, job: this.ofJob, after: this.after });
      return this.load();
    },
    choose(state) { Object.assign(this, { state, after: "", before: [] }); this.show(); },
    forgetJob() { Object.assign(this, { ofJob: "", after: "", before: [] }); this.show(); },
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
        Object.assign(run, item);
        // The exact figures of a run that ended come with the list.
        if (!isActive(item.state)) unknown = true;
      }
      // Older pages stand still; the first one takes in what is new.
      if (unknown && !this.after) this.reload();
    },
  },
};
