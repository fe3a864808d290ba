// The overview: four figures, a timeline with what is still to come, what needs attention, what is next.
import { count, duration, isActive, local, parts, plain, plural, prefs, reasonOf, screenSize, span, tick, toneOf, wordOf } from "jp_format";
import { api, attempt, debounced, follow, fromUrl, health, jobActions, query, rememberInUrl, toast } from "jp_core";
import { heldBy } from "jp_controls";
import { JpWelcome } from "jp_welcome";
import { isChinese, sentences } from "jp_words";

const WINDOWS = [1, 6, 24];
const STEPS = [[1, 10], [6, 60], [24, 240]]; // hours shown -> minutes between grid lines
const CELL = 6; // px: runs closer than this are drawn as one bar

const BAD = ["failed", "timed_out", "lost", "missed"];
const worst = (runs) => BAD.find((state) => runs.some((run) => run.state === state)) ?? runs.at(-1).state;

export default {
  components: { ...parts, JpWelcome },
  template: `
  <div :aria-busy="!at">
    <div v-if="error" class="jp-card jp-empty"><JpIcon name="warning" /><h2>The overview cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
    <JpWelcome v-else-if="at && !at.jobs && !at.total_24h" />
    <template v-else>
    <div class="jp-kpis">
      <a v-for="kpi in kpis" :key="kpi.label" class="jp-card jp-kpi" :href="kpi.href"><span class="jp-kpi__label">{{ kpi.label }}</span>
        <span class="jp-kpi__value" :class="{ 'jp-bad': kpi.bad }">{{ kpi.value }}</span><span class="jp-kpi__note">{{ kpi.note }}</span></a>
    </div>

    <div class="jp-two jp-two--wide"><div class="jp-stack">
      <section class="jp-card jp-timeline" aria-labelledby="jp-timeline">
        <div class="jp-card__head"><h2 id="jp-timeline">Run timeline</h2><span class="jp-muted jp-small jp-wide">{{ rows.length ? 'failing and busiest jobs' : '' }}</span>
          <div class="jp-seg" role="group" aria-label="Window"><button v-for="size in windows" :key="size" type="button" class="jp-seg__item" :aria-pressed="hours === size" @click="show(size)">{{ size }} h</button></div></div>
        <div v-if="at && !rows.length" class="jp-empty"><JpIcon name="clock" /><p>Nothing ran in the last {{ hours }} h, and nothing is due soon.</p></div>
        <div v-else class="jp-tl" ref="tl">
          <div class="jp-tl__grid" aria-hidden="true">
            <span v-for="line in grid" :key="line.left" class="jp-tl__line" :style="{ left: line.left + '%' }"><i>{{ line.word }}</i></span>
            <span v-if="at" class="jp-tl__now" :style="{ left: nowLeft + '%' }"><i>now</i></span>
          </div>
          <div v-for="row in rows" :key="row.job_id" class="jp-tl__row">
            <a class="jp-tl__name" :href="'/jobs/' + row.job_id" :title="row.job_name">{{ row.job_name }}</a>
            <div class="jp-tl__lane" @click="openNearest(row, $event)"><span class="jp-clip">{{ row.words }}</span>
              <a v-for="bar in row.bars" :key="bar.key" class="jp-tl__bar" :class="'jp-tone--' + bar.tone" :href="bar.href" :title="bar.title" tabindex="-1" aria-hidden="true"
                 :style="{ left: bar.left + '%', width: 'max(3px, ' + bar.width + '%)' }"></a>
              <span v-for="ghost in row.ghosts" :key="ghost.at" class="jp-tl__ghost" :style="{ left: ghost.left + '%' }" :title="ghost.title"></span>
            </div>
          </div>
        </div>
      </section>

    <section class="jp-card" aria-labelledby="jp-next">
      <div class="jp-card__head"><h2 id="jp-next">Next up</h2><span class="jp-muted jp-small">{{ prefs.zone }}</span></div>
      <div v-if="at && !next.length" class="jp-empty jp-empty--calm"><JpIcon name="clock" /><p>Nothing is due: no job has a schedule that is followed.</p><div class="jp-empty__do"><a class="jp-btn" href="/jobs/new">New job</a></div></div>
      <ul v-else-if="screen.narrow" class="jp-cards"><li v-for="item in next" :key="item.job_id + item.due_at"><a class="jp-cards__name" :href="'/jobs/' + item.job_id">{{ item.job_name }}</a><JpRelative :at="item.due_at" way="in" />
        <span class="jp-cards__line"><JpTime :at="item.due_at" look="when" /><span>{{ item.schedule_text }}</span></span></li></ul>
      <table v-else class="jp-table jp-next"><caption class="jp-clip">Next up</caption><thead><tr><th scope="col">Due</th><th scope="col">In</th><th scope="col" class="jp-table__grow">Job</th><th scope="col">Schedule</th></tr></thead>
        <tbody><tr v-for="item in next" :key="item.job_id + item.due_at"><td><JpTime :at="item.due_at" look="when" /></td><td class="jp-muted jp-next__in"><JpRelative :at="item.due_at" way="in" /></td><td class="jp-table__grow"><a class="jp-table__name" :href="'/jobs/' + item.job_id"><span class="jp-lines2">{{ item.job_name }}</span></a></td><td class="jp-table__rule" :title="item.schedule_text"><span class="jp-lines2">{{ item.schedule_text }}</span></td></tr></tbody></table>
    </section>
    </div><div class="jp-stack">
      <section class="jp-card" aria-labelledby="jp-attention">
        <div class="jp-card__head"><h2 id="jp-attention">Needs attention</h2><span v-if="wanted" class="jp-muted jp-small">{{ jobsWord(wanted) }}</span></div>
        <div v-if="at && !wanted && !health.parked" class="jp-empty jp-empty--calm"><JpIcon name="check" /><p>{{ muted.length ? 'Nothing but what is muted.' : "Every job's newest run did what it should." }}</p></div>
        <ul v-else class="jp-attention">
          <li v-if="health.parked"><div><a class="jp-table__name" href="/parked">{{ plural(health.parked, 'parked message') }}</a><p>A service could not understand or handle {{ health.parked === 1 ? 'it' : 'them' }}. Look why, then put back or discard.</p></div>
            <span class="jp-chip jp-tone--timed_out"><JpIcon name="warning" />Parked</span></li>
          <li v-for="item in braked" :key="'braked-' + item.job_id"><div><a class="jp-table__name" :href="'/jobs/' + item.job_id">{{ item.job_name }}</a>
            <p>It starts too often: the brake kept {{ plural(item.runs, 'run') }} of the last hour from going on, the last <JpRelative :at="item.last_at" />. Find what starts it, or give it a higher brake.</p>
            <div class="jp-attention__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="'Mute 1 h: ' + item.job_name" @click="mute(item)"><JpIcon name="mute" />Mute 1 h</button></div></div><span class="jp-chip jp-tone--missed"><JpIcon name="warning" />Braked</span></li>
          <li v-for="item in attention" :key="item.job_id"><div><a class="jp-table__name" :href="'/runs/' + item.run.id">{{ item.job_name }}</a>
            <p>{{ said(item) }}<code v-if="item.last_error" class="jp-mono">{{ plain(item.last_error) }}</code></p>
            <div class="jp-attention__do"><button v-if="item.run.number && item.instants === 1" class="jp-btn jp-btn--small" type="button" :aria-label="'Run again: ' + item.job_name" :disabled="asked.has(item.run.id)" @click="again(item)"><JpIcon name="play" />{{ asked.has(item.run.id) ? 'Asked for' : 'Run again' }}</button>
              <button class="jp-btn jp-btn--small" type="button" :aria-label="'Mute 1 h: ' + item.job_name" @click="mute(item)"><JpIcon name="mute" />Mute 1 h</button></div></div><JpChip :state="item.run.state" /></li>
        </ul>
        <ul v-if="muted.length" class="jp-muted-jobs" aria-label="Muted">
          <li v-for="item in muted" :key="item.job_id"><JpIcon name="mute" /><span><a class="jp-link" :href="'/jobs/' + item.job_id">{{ item.job_name }}</a> is muted {{ heldBy(item.by) }}until <JpTime :at="item.until" look="when" /></span>
            <button class="jp-btn jp-btn--small" type="button" :aria-label="'Unmute ' + item.job_name" @click="unmute(item)">Unmute</button></li></ul>
      </section>
    </div></div>
    </template>
  </div>`,
  data: () => ({ health, tick, prefs, screen: screenSize, windows: WINDOWS, hours: WINDOWS.includes(Number(fromUrl("hours"))) ? Number(fromUrl("hours")) : 1, at: null, error: "", width: 600, asked: new Set() }),
  created() {
    this.reload = debounced(() => this.load(), 400);
    // Runs of a busy portal end all the time: at most one fetch per second, and one when it calms down.
    this.last = 0;
    const changed = () => (Date.now() - this.last > 1000 ? this.load() : this.reload());
    this.stop = follow(["runs", "jobs", "executors"], (_, topic) => (topic === "runs" ? changed() : this.reload()), { load: this.load });
  },
  mounted() { this.resizer = new ResizeObserver(([entry]) => (this.width = entry.contentRect.width)); this.resizer.observe(this.$el); },
  beforeUnmount() { this.stop(); this.resizer.disconnect(); },
  computed: {
    attention() { return this.at?.attention ?? []; },
    muted() { return this.at?.muted ?? []; },
    braked() { return this.at?.braked ?? []; },
    wanted() { return new Set([...this.attention, ...this.braked].map((item) => item.job_id)).size; },
    next() { return (this.at?.next_up ?? []).slice(0, 8); },
    kpis() {
      const now = this.at;
      if (!now) return ["Running now", "Waiting", "Failed, 24 h", "Start delay p99"].map((label) => ({ label, value: "–", note: "\u00a0", href: null }));
      const share = now.total_24h ? (100 * now.failed_24h) / now.total_24h : 0;
      return [
        { label: "Running now", value: count(now.running), note: now.slots ? `of ${plural(now.slots, "slot")}` : "no executor is online", href: "/runs?state=running" },
        { label: "Waiting", value: count(now.waiting), note: now.oldest_waiting_at ? `oldest ${span(this.tick.now - Date.parse(now.oldest_waiting_at), 1)}` : "nothing waits for a slot", href: "/runs?state=held,queued" },
        { label: "Failed, 24 h", value: count(now.failed_24h), bad: now.failed_24h > 0, href: "/runs?state=failed,timed_out,lost",
          note: now.failed_24h ? `${share < 0.1 ? "under 0.1" : share.toFixed(1)} % of ${plural(now.total_24h, "run")}, in ${plural(now.failed_jobs_24h, "job")}` : `of ${plural(now.total_24h, "run")}` },
        { label: "Start delay p99", value: duration(now.start_delay_p99_ms), note: "from due to the script's start", href: "/runs" },
      ];
    },
    frame() {
      const { since, until } = this.at.timeline;
      const [from, to] = [Date.parse(since), Date.parse(until)];
      return { from, to, left: (iso) => (100 * ((typeof iso === "number" ? iso : Date.parse(iso)) - from)) / (to - from) };
    },
    nowLeft() { return Math.min(100, this.frame.left(this.tick.now)); },
    grid() {
      if (!this.at) return [];
      const minutes = STEPS.find(([hours]) => hours >= this.hours)[1] * (this.screen.narrow ? 2 : 1);
      const { from, to, left } = this.frame;
      const lines = [];
      // Round times of the reader's zone. Zones differ from UTC by whole quarters of an hour.
      for (let time = Math.ceil(from / 300_000) * 300_000; time < to; time += 300_000) {
        const word = local(time, "minute", this.prefs.zone);
        const [hour, minute] = word.split(":").map(Number);
        const room = left(time) > 3 && left(time) < 97 && Math.abs(left(time) - this.nowLeft) > (this.screen.narrow ? 14 : 7);
        if ((hour * 60 + minute) % minutes === 0) lines.push({ left: left(time), word: room ? word : "" });
      }
      return lines;
    },
    rows() {
      if (!this.at) return [];
      const { left } = this.frame;
      const lane = Math.max(200, this.width * (this.screen.narrow ? 0.9 : 0.42));
      return this.at.timeline.rows.map((row) => ({
        ...row, words: this.tally(row.runs), bars: this.bars(row.runs, left, (100 * CELL) / lane),
        ghosts: this.ghosts(row.upcoming, left, (100 * (CELL + 2)) / lane),
      }));
    },
  },
  methods: {
    plain, plural, heldBy,
    // A second press would be a second run.
    async again({ job_name, run }) {
      this.asked.add(run.id);
      const runId = await attempt(() => jobActions.runAgain(run), null);
      if (runId) toast(`Asked for another run of ${job_name}.`, { href: `/runs/${runId}` });
      else this.asked.delete(run.id);
    },
    async mute({ job_id: id, job_name: name }) { if (await jobActions.mute({ id, name }, this.load)) this.load(); },
    async unmute({ job_id: id }) { if (await jobActions.unmute({ id })) this.load(); },
    jobsWord: (n) => plural(n, "job"),
    said(item) {
      const { run } = item;
      const what = { failed: "Failed", timed_out: "Stopped at its timeout", lost: "Its executor was lost", missed: "Was missed", skipped: "Was skipped" }[run.state] ?? wordOf(run.state);
      const why = reasonOf({ ...run, detail: item.detail, instants: 1 });
      const at = local(run.finished_at ?? run.due_at, "clock");
      return sentences([`${isChinese ? `${at} ${what}` : `${what} ${at}`}${run.number ? `, run #${run.number}` : ""}`, why]);
    },
    bars(runs, left, cell) {
      const groups = [];
      for (const run of [...runs].sort((a, b) => a.due_at.localeCompare(b.due_at))) {
        const from = Math.max(0, left(run.started_at ?? run.due_at));
        const end = isActive(run.state) ? this.nowLeft : left(run.finished_at ?? run.started_at ?? run.due_at);
        const group = groups.at(-1);
        // Bars that would touch are one bar of their worst state: a row stays readable however dense it is.
        if (group && from - group.end < cell * 0.5 && from - group.from < cell) { group.runs.push(run); group.end = Math.max(group.end, end); } else groups.push({ from, end, runs: [run] });
      }
      return groups.map(({ from, end, runs: some }) => {
        const state = worst(some);
        const one = some.find((run) => run.state === state);
        const title = some.length > 1 ? `${plural(some.length, "run")}, ${some.filter((run) => run.state === state).length} ${wordOf(state).toLowerCase()}, ${local(some[0].due_at, "clock")}` : `#${one.number ?? "?"} ${wordOf(state).toLowerCase()}, ${local(one.due_at, "clock")}, ${duration(one.duration_ms)}`;
        return { key: one.id, left: from, width: Math.max(0, Math.min(end, 100) - from), tone: toneOf(state), href: `/runs/${one.id}`, title };
      });
    },
    // A bar can be 3 px wide: the whole lane is its target, and a click means the bar next to it.
    openNearest(row, event) {
      if (event.target.closest("a")) return;
      const lane = event.currentTarget.getBoundingClientRect();
      const at = (100 * (event.clientX - lane.left)) / lane.width;
      const away = (bar) => Math.max(bar.left - at, at - bar.left - bar.width, 0);
      const nearest = [...row.bars].sort((a, b) => away(a) - away(b))[0];
      if (nearest && away(nearest) * lane.width < 2400) location.href = nearest.href;
    },
    tally(runs) {
      const counts = new Map();
      for (const { state } of runs) counts.set(wordOf(state), (counts.get(wordOf(state)) ?? 0) + 1);
      return [...counts].map(([word, n]) => `${n} ${word.toLowerCase()}`).join(", ");
    },
    ghosts(upcoming, left, cell) {
      const kept = [];
      for (const iso of upcoming) {
        const at = left(iso);
        if (at > this.nowLeft + 0.3 && at < 99.5 && (!kept.length || at - kept.at(-1).left > cell)) kept.push({ at: iso, left: at, title: `due ${local(iso, "clock")}` });
      }
      return kept;
    },
    show(hours) { this.hours = hours; rememberInUrl({ hours: hours === 1 ? "" : hours }); this.load(); },
    async load() {
      this.last = Date.now();
      try { Object.assign(this, { at: await api(`/overview${query({ hours: this.hours })}`), error: "" }); } catch (error) { this.error = this.at ? "" : error.message; }
    },
  },
};
