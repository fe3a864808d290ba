// The week of all jobs: a grid of days and hours with how many starts each hour holds, and the jobs of one.
import { count, hasSeconds, local, parts, plural, prefs, screenSize, tick, wallTime } from "jp_format";
import { api, debounced, follow, fromUrl, query, rememberInUrl } from "jp_core";
import { isChinese, locale, sentences } from "jp_words";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const two = (number) => String(number).padStart(2, "0");
const moved = (date, days) => new Date(Date.parse(`${date}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
const dayWords = (date, options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).format(new Date(`${date}T00:00Z`)).replaceAll(",", "").replace(/(Sep)t/, "$1");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export default {
  components: parts,
  template: `
  <div :aria-busy="!week && !error">
    <div class="jp-week__bar"><h2>{{ span }}</h2>
      <span class="jp-bar__end"><button class="jp-btn jp-btn--small" type="button" :disabled="!week || week.start <= today" @click="show(shift(-7))">Previous</button>
      <button class="jp-btn jp-btn--small" type="button" :disabled="!start" @click="show('')">Coming 7 days</button>
      <button class="jp-btn jp-btn--small" type="button" @click="show(shift(7))">Next</button></span></div>
    <div v-if="error" class="jp-card jp-empty"><JpIcon name="warning" /><h2>The week cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
    <template v-else-if="week">
      <p class="jp-summary" aria-live="polite">{{ sentence }}</p>
      <div v-if="week.busiest.length" class="jp-week__busy"><span class="jp-muted">Most at once</span>
        <button v-for="busy in busiest" :key="busy.at" type="button" class="jp-filter" :aria-pressed="hour === busy.begin ? 'true' : 'false'" @click="choose(busy.begin)">{{ busyWords(busy) }}</button></div>
      <div v-if="notes.length" class="jp-notice jp-tone--missed"><JpIcon name="warning" /><span>{{ said(notes) }}</span></div>
      <div class="jp-week">
        <div class="jp-card jp-week__card">
          <table class="jp-week__grid" role="grid" aria-label="Planned starts by day and hour" @keydown="byKey">
            <thead><tr><th scope="col"><span class="jp-clip">Hour</span></th>
              <th v-for="day in week.days" :key="day.date" scope="col" :class="{ 'jp-week__today': day.date === today }"><strong>{{ head(day.date) }}</strong>{{ dateOf(day) }}</th></tr></thead>
            <tbody><tr v-for="row in rows" :key="row.key"><th scope="row">{{ row.word }}</th>
              <td v-for="(cell, index) in row.cells" :key="index" :class="{ 'jp-week__gone': !cell }">
                <button v-if="cell && cell.starts" type="button" class="jp-week__cell" :class="'jp-week__cell--' + level(cell.starts)" :data-hour="cell.begin" :tabindex="cell.begin === reachable ? 0 : -1"
                        :aria-pressed="cell.begin === hour ? 'true' : 'false'" :aria-label="label(cell, index)" :title="label(cell, index)" @click="choose(cell.begin)">{{ short(cell.starts) }}</button>
                <span v-else-if="!cell && row.isPlain" :title="'This hour does not exist on this day: the clocks are set'" aria-label="does not exist">–</span></td></tr></tbody></table></div>
        <section ref="side" class="jp-card jp-week__side" aria-labelledby="jp-week-hour" :aria-busy="Boolean(hour) && !planned">
          <div class="jp-card__head"><h2 id="jp-week-hour">{{ hour ? hourWords : 'No hour chosen' }}</h2><span v-if="planned" class="jp-muted jp-small">{{ tally }}</span></div>
          <p v-if="!hour" class="jp-card__body jp-hint">Choose an hour to see which jobs start in it.</p>
          <ul v-else-if="planned" class="jp-week__jobs"><li v-for="item in planned.items" :key="item.job_id">
            <time :datetime="item.first">{{ local(item.first, hasSeconds(item.first) ? 'clock' : 'minute') }}</time><a :href="'/jobs/' + item.job_id">{{ item.job_name }}</a>
            <span class="jp-muted">{{ item.starts > 1 ? '× ' + count(item.starts) : '' }}</span><span class="jp-hint">{{ item.text }}</span></li></ul>
          <p v-if="planned && planned.jobs > planned.items.length" class="jp-card__foot">The first {{ count(planned.items.length) }} of {{ count(planned.jobs) }} jobs are shown.</p>
        </section>
      </div>
    </template>
  </div>`,
  data: () => ({ tick, prefs, screen: screenSize, start: fromUrl("start"), hour: fromUrl("hour"), week: null, planned: null, error: "" }),
  created() {
    this.stop = follow("jobs", debounced(() => this.load(), 2000), { load: this.load });
  },
  beforeUnmount() { this.stop(); },
  watch: { "prefs.zone"() { this.load(); } },
  computed: {
    today() { return wallTime(this.tick.now).slice(0, 10); },
    span() {
      if (!this.week) return "…";
      const last = this.week.days.at(-1).date;
      // English says the year last, Chinese first.
      const day = (date, isDated) => dayWords(date, { day: "numeric", month: "short", ...(isDated ? { year: "numeric" } : {}) });
      return `${day(this.week.start, isChinese)} – ${day(last, !isChinese || last.slice(0, 4) !== this.week.start.slice(0, 4))}`;
    },
    sentence() {
      const { week } = this;
      if (!week.starts) return `Nothing is planned in these seven days. Times are those of ${week.zone}.`;
      return `${plural(week.starts, "start")} of ${plural(week.jobs, "job")} are planned. Paused jobs are left out. Times are those of ${week.zone}.`;
    },
    notes() {
      const said = [];
      if (this.week.cut) said.push(`There are more schedules than are counted here: only the first ${count(this.week.counted)} are.`);
      if (this.week.with_calendar) said.push(`${plural(this.week.with_calendar, "of these jobs follows", "of these jobs follow")} a calendar, which may leave out some of what is counted.`);
      for (const day of this.week.days) if (day.hours.length !== 24) said.push(`${dayWords(day.date, { weekday: "long", day: "numeric", month: "short" })} has ${day.hours.length} hours: the clocks change.`);
      return said;
    },
    // A row for each hour of the day, and one more for an hour that comes twice on some day.
    rows() {
      const made = [];
      for (const hour of HOURS) {
        for (const again of [false, true]) {
          const cells = this.week.days.map((day) => day.hours.find((one) => one.hour === hour && one.again === again) ?? null);
          if (!again || cells.some(Boolean)) made.push({ key: `${hour}${again}`, word: this.screen.tiny ? two(hour) + (again ? "²" : "") : `${two(hour)}:00${again ? " ²" : ""}`, cells, isPlain: !again });
        }
      }
      return made;
    },
    all() { return this.week.days.flatMap((day) => day.hours); },
    // What starts every few seconds starts in every hour alike: the colours tell what comes on top of it.
    floor() {
      const filled = this.all.map((cell) => cell.starts).filter(Boolean).sort((a, b) => a - b);
      const usual = filled[Math.floor(filled.length / 10)] ?? 0;
      return usual > this.most / 2 ? usual : 0;
    },
    // Whoever is as full as another comes in the order of the week.
    busiest() { return [...this.week.busiest].sort((one, other) => other.starts - one.starts || Date.parse(one.at) - Date.parse(other.at)); },
    most() { return Math.max(1, ...this.all.map((cell) => cell.starts)); },
    // One cell is in the order of the tab key; the arrows go on from there.
    reachable() {
      const filled = this.all.filter((cell) => cell.starts);
      return (filled.find((cell) => cell.begin === this.hour) ?? filled[0])?.begin;
    },
    chosen() { return this.week?.days.flatMap((day) => day.hours).find((cell) => cell.begin === this.hour) ?? null; },
    hourWords() { return `${local(this.hour, "day")}, ${local(this.hour, "minute")}${this.chosen ? `–${local(this.chosen.end, "minute")}` : ""}`; },
    tally() { return this.planned.starts === this.planned.jobs ? plural(this.planned.jobs, "job") : `${plural(this.planned.jobs, "job")}, ${plural(this.planned.starts, "start")}`; },
  },
  methods: {
    said: sentences,
    count, hasSeconds, local,
    head: (date) => dayWords(date, { weekday: "short" }),
    dateOf(day) { return dayWords(day.date, { day: "numeric", ...(this.screen.tiny ? {} : { month: "short" }) }); },
    shift(days) { return moved(this.week?.start ?? this.today, days); },
    level(starts) { const share = (starts - this.floor) / Math.max(1, this.most - this.floor); return share > 0.85 ? 4 : share > 0.5 ? 3 : share > 0.2 ? 2 : 1; },
    short(starts) { return starts < 1000 ? String(starts) : starts < 10_000 ? `${(starts / 1000).toFixed(1)}k` : `${Math.round(starts / 1000)}k`; },
    label(cell, index) { return `${dayWords(this.week.days[index].date, { weekday: "long", day: "numeric", month: "short" })} ${local(cell.begin, "minute")}${cell.again ? ", the second time" : ""}: ${plural(cell.starts, "start")}`; },
    busyWords(busy) { return `${plural(busy.starts, "start")} at ${local(busy.at, hasSeconds(busy.at) ? "clock" : "minute")} on ${local(busy.at, "day")}`; },
    byKey(event) {
      const way = ARROWS[event.key];
      const from = event.target.closest("td");
      if (!way || !from) return;
      event.preventDefault();
      let [column, row] = [from.cellIndex, from.parentElement.rowIndex];
      const { rows } = from.closest("table");
      // Empty hours are passed over: there is nothing in them to choose.
      for (;;) {
        column += way[0];
        row += way[1];
        if (row < 1 || row >= rows.length || column < 1 || column > 7) return;
        const button = rows[row].cells[column].querySelector("button");
        if (button) return button.focus();
      }
    },
    show(wanted) {
      const start = wanted > this.today ? wanted : "";
      Object.assign(this, { start, hour: "", planned: null });
      this.remember();
      this.load();
    },
    choose(hour) {
      Object.assign(this, { hour, planned: null });
      this.remember();
      this.loadJobs();
      if (this.screen.narrow) this.$nextTick(() => this.$refs.side.scrollIntoView({ block: "nearest" }));
    },
    remember() { rememberInUrl({ start: this.start, hour: this.hour }); },
    async load() {
      try {
        this.week = await api(`/week${query({ start: this.start, zone: prefs.zone })}`);
        this.error = "";
        if (this.hour) await this.loadJobs();
      } catch (error) { this.error = error.message; }
    },
    async loadJobs() {
      const asked = this.chosen;
      if (!asked) return;
      const planned = await api(`/week/jobs${query({ from: asked.begin, to: asked.end })}`).catch(() => ({ items: [], jobs: 0, starts: 0 }));
      if (asked.begin === this.hour) this.planned = planned;
    },
  },
};
