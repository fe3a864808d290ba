// How a job has been doing: a calendar of its days, how long its runs took, how late they started.
import { count, duration, local, parts, plural, prefs, screenSize, toneOf, wordOf } from "jp_format";
import { api, debounced, follow, query } from "jp_core";
import { isChinese, locale, word } from "jp_words";

const CELLS = { narrow: 16, wide: 22 }; // px from one day to the next
const LEFT = 34;
const TOP = 20;
const DAY_WORDS = ["Mon", "", "Wed", "", "Fri", "", "Sun"];
const DELAY_WORDS = ["within 0.1 s", "within 0.3 s", "within 1 s", "within 3 s", "within 10 s", word("later")];

// Darker where more ran; a day with a failure has a mark of its own, so that colour alone says nothing.
const levelOf = (ran, most) => (ran ? 1 + Math.min(3, Math.floor((4 * Math.log1p(ran)) / Math.log1p(Math.max(1, most)) - 0.001)) : 0);

export default {
  components: parts,
  props: { job: Object },
  template: `
  <div :aria-busy="!now && !error">
    <div v-if="error" class="jp-card jp-empty"><JpIcon name="warning" /><h2>The insights cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
    <div v-else-if="now && !now.counted" class="jp-card jp-empty"><JpIcon name="clock" /><h2>Nothing to tell yet</h2><p>When the job has run, this shows how often it succeeds, how long it takes and how late it starts.</p></div>
    <template v-else-if="now">
      <dl class="jp-kpis">
        <div v-for="rate in now.rates" :key="rate.days" class="jp-card jp-kpi"><dt class="jp-kpi__label">Succeeded, {{ rate.days }} days</dt><dd class="jp-kpi__value">{{ rate.started ? percent(rate) : '–' }}</dd><dd class="jp-kpi__note">{{ rate.started ? count(rate.succeeded) + ' of ' + count(rate.started) + ' started' : 'nothing was started' }}</dd></div>
        <div class="jp-card jp-kpi"><dt class="jp-kpi__label">Usual duration</dt><dd class="jp-kpi__value">{{ now.p50_ms === null ? '–' : duration(now.p50_ms) }}</dd><dd class="jp-kpi__note">{{ now.p95_ms === null ? 'none has succeeded' : '95 of 100 within ' + duration(now.p95_ms) }}</dd></div>
      </dl>

      <div class="jp-two">
        <section class="jp-card" aria-labelledby="jp-days">
          <div class="jp-card__head"><h2 id="jp-days">Days</h2><span class="jp-hint">{{ chosen === null ? daysNote : saidDay(now.days[chosen]) }}</span></div>
          <div class="jp-card__body jp-insights__scroll" ref="days">
            <svg class="jp-heat" :width="left + weeks * cell" :height="top + 7 * cell" role="group" aria-label="Days of the last 26 weeks; each leads to its runs">
              <text v-for="month in months" :key="month.x" :x="month.x" y="12" aria-hidden="true">{{ month.word }}</text>
              <text v-for="(word, row) in dayWords" :key="row" x="0" :y="top + row * cell + size - 2" aria-hidden="true">{{ word }}</text>
              <a v-for="(day, index) in now.days" :key="day.on" :href="hrefOf(day)" :tabindex="index === (chosen ?? now.days.length - 1) ? 0 : -1" :aria-label="saidDay(day)" :data-at="index"
                @focus="chosen = index" @blur="chosen = null" @mouseenter="chosen = index" @mouseleave="chosen = null" @keydown="step($event, index)">
                <rect class="jp-heat__day" :class="'jp-heat__day--' + level(day)" :x="x(index)" :y="y(index)" :width="size" :height="size" rx="3" />
                <path v-if="day.failed" class="jp-heat__bad" :d="failedPart(day, index)" /></a>
            </svg></div>
          <p class="jp-insights__key jp-small jp-muted"><span class="jp-insights__keys"><span class="jp-heat__key" aria-hidden="true"><i v-for="n in 5" :key="n" :class="'jp-heat__day--' + (n - 1)"></i></span>fewer to more runs</span> <span class="jp-insights__keys"><i class="jp-heat__badkey" aria-hidden="true"></i>the share that failed</span></p>
        </section>
        <section class="jp-card" aria-labelledby="jp-delays">
          <div class="jp-card__head"><h2 id="jp-delays">Start delays</h2><span class="jp-hint">{{ delayed ? 'of the newest ' + plural(delayed, 'scheduled run') : '' }}</span></div>
          <ul v-if="delayed" class="jp-card__body jp-delays"><li v-for="(number, index) in now.delays" :key="index"><span class="jp-delays__word">{{ delayWords[index] }}</span><span class="jp-ratio jp-delays__bar" aria-hidden="true"><span :style="{ width: 100 * number / delayed + '%' }"></span></span><span class="jp-num">{{ count(number) }}</span></li></ul>
          <div v-else class="jp-empty jp-empty--calm"><JpIcon name="clock" /><p>No scheduled run has started yet</p></div>
        </section>
      </div>
      <section v-if="now.took.length" class="jp-card" aria-labelledby="jp-took">
        <div class="jp-card__head"><h2 id="jp-took">Durations</h2><span class="jp-hint">{{ at === null ? tookNote : saidRun(now.took[at]) }}</span></div>
        <div class="jp-card__body">
          <div class="jp-took" role="slider" tabindex="0" aria-label="Durations, oldest run first" aria-valuemin="1" :aria-valuemax="now.took.length" :aria-valuenow="(at ?? now.took.length - 1) + 1" :aria-valuetext="saidRun(now.took[at ?? now.took.length - 1])"
            @pointermove="point" @pointerleave="at = null" @focus="at = at ?? now.took.length - 1" @blur="at = null" @keydown="along" @click="open">
            <svg :viewBox="'0 0 ' + slots * 10 + ' 120'" preserveAspectRatio="none" aria-hidden="true" focusable="false">
              <rect v-for="(run, index) in now.took" :key="run.run_id" class="jp-took__bar" :class="['jp-tone--' + tone(run.state), { 'jp-took__bar--at': index === at }]" :x="(ahead + index) * 10 + 1" :width="8" :y="120 - height(run)" :height="height(run)" />
              <line v-if="now.p50_ms !== null" class="jp-took__line" x1="0" :x2="slots * 10" :y1="120 - at120(now.p50_ms)" :y2="120 - at120(now.p50_ms)" />
              <line v-if="now.p95_ms !== null" class="jp-took__line jp-took__line--p95" x1="0" :x2="slots * 10" :y1="120 - at120(now.p95_ms)" :y2="120 - at120(now.p95_ms)" />
              <line v-for="index in changes" :key="'c' + index" class="jp-took__changed" :x1="(ahead + index) * 10" :x2="(ahead + index) * 10" y1="0" y2="120" />
            </svg></div>
          <p class="jp-usage__axis jp-took__axis jp-muted" :style="{ minWidth: 100 - (100 * ahead) / slots + '%' }"><span>#{{ now.took[0].number }}</span><span>{{ changes.length ? plural(changes.length, 'change') + ' of the script, dotted' : '' }}</span><span v-if="now.took.length > 1">#{{ now.took.at(-1).number }}</span></p>
        </div></section></template>
  </div>`,
  data: () => ({ prefs, now: null, error: "", chosen: null, at: null, screen: screenSize, left: LEFT, top: TOP, dayWords: DAY_WORDS, delayWords: DELAY_WORDS }),
  created() {
    this.reload = debounced(() => this.load(), 1500);
    this.stop = follow("runs", (items) => { if (items.some((run) => run.job_id === this.job.id)) this.reload(); }, { load: () => this.load() });
    this.$watch(() => prefs.zone, () => this.load());
  },
  beforeUnmount() { this.stop(); },
  computed: {
    cell() { return this.screen.narrow ? CELLS.narrow : CELLS.wide; },
    size() { return this.cell - 3; },
    weeks() { return Math.ceil(this.now.days.length / 7); },
    most() { return Math.max(...this.now.days.map((day) => day.succeeded + day.failed)); },
    // Where a month begins, unless its name would run into the one before.
    months() {
      const found = [];
      this.now.days.forEach((day, index) => {
        if (index % 7 || (index && day.on.slice(5, 7) === this.now.days[index - 7].on.slice(5, 7))) return;
        const x = this.x(index);
        if (!found.length || x - found.at(-1).x > 28) found.push({ x, word: new Date(`${day.on}T12:00:00Z`).toLocaleDateString(locale, { month: "short", timeZone: "UTC" }).replace(/(Sep)t/, "$1") });
      });
      return found;
    },
    daysNote() { return this.now.counted < 20000 ? `Last 26 weeks, ${this.now.zone}` : `The newest ${count(this.now.counted)} runs: since ${local(this.now.counted_since)}`; },
    tookNote() { return `Newest ${plural(this.now.took.length, "run")} · lines: median and 95th percentile`; },
    // Few bars end at the newest, as on the job's own page: two of them do not fill it.
    slots() { return Math.max(this.now.took.length, this.screen.narrow ? 10 : 20); },
    ahead() { return this.slots - this.now.took.length; },
    top_ms() { return Math.max(1, ...this.now.took.map((run) => run.duration_ms)); },
    changes() { return this.now.took.flatMap((run, index) => (run.changed ? [index] : [])); },
    delayed() { return this.now.delays.reduce((sum, one) => sum + one, 0); },
  },
  methods: {
    count, duration, plural, tone: toneOf,
    percent: ({ succeeded, started }) => { const share = (100 * succeeded) / started; return `${succeeded < started && share > 99.9 ? "99.9" : share.toFixed(share === 100 || share === 0 ? 0 : 1)}${isChinese ? "" : " "}%`; },
    x(index) { return LEFT + Math.floor(index / 7) * this.cell; },
    y(index) { return TOP + (index % 7) * this.cell; },
    // From the bottom up, at least so much that it is seen; a gap and its notch tell it without colour.
    failedPart(day, index) {
      const { size } = this;
      const high = Math.max(4, Math.round((size * day.failed) / (day.failed + day.succeeded)));
      const bottom = this.y(index) + size;
      return `M${this.x(index)} ${bottom}v${-high}l${size / 2} ${Math.min(3, high - 1)}l${size / 2} ${-Math.min(3, high - 1)}v${high}z`;
    },
    level(day) { return levelOf(day.succeeded + day.failed, this.most); },
    hrefOf(day) { return `/runs${query({ job: this.job.id, from: new Date(day.starts_at).toISOString(), to: new Date(day.ends_at).toISOString() })}`; },
    saidDay(day) {
      const on = new Date(`${day.on}T12:00:00Z`).toLocaleDateString(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
      const said = [day.succeeded && `${count(day.succeeded)} succeeded`, day.failed && `${count(day.failed)} failed`, day.not_run && `${count(day.not_run)} not run`].filter(Boolean);
      return `${on}: ${said.join(", ") || word("nothing")}`;
    },
    step(event, index) {
      const way = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1, Home: -index, End: this.now.days.length - 1 - index }[event.key];
      if (way === undefined) return;
      event.preventDefault();
      this.$refs.days.querySelector(`[data-at="${index + way}"]`)?.focus();
    },
    // The square root keeps short runs to be seen beside a long one.
    at120(ms) { return 118 * Math.sqrt(ms / this.top_ms); },
    height(run) { return Math.max(3, this.at120(run.duration_ms)); },
    saidRun: (run) => `#${run.number} ${wordOf(run.state).toLowerCase()} after ${duration(run.duration_ms)}, ${local(run.due_at)}${run.changed ? ", with another script" : ""}`,
    point(event) {
      const box = event.currentTarget.getBoundingClientRect();
      this.at = Math.max(0, Math.min(this.now.took.length - 1, Math.floor(((event.clientX - box.left) / box.width) * this.slots) - this.ahead));
    },
    along(event) {
      if (event.key === "Enter") return this.open();
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
      if (!way) return;
      event.preventDefault();
      this.at = Math.max(0, Math.min(this.now.took.length - 1, (this.at ?? this.now.took.length - 1) + way));
    },
    open() { if (this.at !== null) location.href = `/runs/${this.now.took[this.at].run_id}`; },
    async load() {
      try { Object.assign(this, { now: await api(`/jobs/${this.job.id}/insights${query({ zone: prefs.zone })}`), error: "" }); this.at = null; this.$nextTick(() => { const box = this.$refs.days; if (box) box.scrollLeft = box.scrollWidth; }); }
      catch (error) { this.error = error.message; }
    },
  },
};
