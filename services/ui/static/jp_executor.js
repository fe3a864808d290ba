// Executors: health in words of their own (never run states), and how busy their slots were over the last day.
import { local, parts, plural, tick } from "jp_format";
import { api, query } from "jp_core";
import { isChinese } from "jp_words";

const WIDE = 960;
const HIGH = 100;

export const HEALTH = {
  online: ["Online", "check"], troubled: ["Takes no runs", "warning"], draining: ["Draining", "pause"], drained: ["Drained", "pause"], offline: ["Offline", "power"], left: ["Left", "power"],
};
// Who drained to the end and stopped has left: nothing is wrong with it, unlike with one that fell silent.
export function keyOf(one) {
  if (!one.online) return one.draining ? "left" : "offline";
  if (!one.draining && !one.drained_at) return one.problems.length ? "troubled" : "online";
  return one.drained_at && !one.running.length ? "drained" : "draining";
}
export const ageOf = (one) => (tick.now - Date.parse(one.last_seen_at)) / 1000;
export const pageOf = (name) => `/executors/${encodeURIComponent(name)}`;

// A bar for each quarter of an hour: `items` are executors with `name` and `slots`. Alone: the only one, larger.
export const JpBusy = {
  components: parts,
  props: { items: Array, alone: Boolean },
  template: `
  <section class="jp-card jp-busy" :class="{ 'jp-busy--alone': alone }" aria-labelledby="jp-busy" :aria-busy="!use && !error">
    <div class="jp-card__head"><h2 id="jp-busy">Slots busy</h2><span class="jp-hint"><a v-if="use && chosen && touched" class="jp-link" :href="place(chosen)">{{ saidWhole(chosen, at) }}</a><template v-else>{{ chosen ? saidWhole(chosen, at) : note }}</template></span></div>
    <div v-if="error" class="jp-busy__rows jp-muted">{{ error }} <button class="jp-btn jp-btn--small" type="button" @click="load">Try again</button></div>
    <div v-else class="jp-busy__rows">
      <div v-for="one in rows" :key="one.name" class="jp-busy__row">
        <span v-if="!alone" class="jp-busy__name">{{ one.name }}</span>
        <div class="jp-busy__plot" role="slider" tabindex="0" :aria-label="'Slots busy of ' + one.name + ', the last 24 hours'" aria-valuemin="1" :aria-valuemax="steps" :aria-valuenow="(at ?? steps - 1) + 1" :aria-valuetext="said(one, at ?? steps - 1)"
          @pointerdown="touched = $event.pointerType === 'touch'" @pointermove="point($event, one)" @pointerleave="forget" @focus="choose(one, at ?? steps - 1)" @blur="forget" @keydown="step($event, one)" @click="press($event, one)">
          <svg :viewBox="'0 0 ' + wide + ' ' + high" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <path class="jp-busy__bars" :d="bars(one)" /><path v-if="at !== null" class="jp-busy__at" :d="bars(one, at)" />
            <line class="jp-busy__slots" x1="0" :x2="wide" :y1="high - height(one, one.slots)" :y2="high - height(one, one.slots)" />
          </svg></div>
        <span v-if="!alone" class="jp-busy__mean jp-num" :class="{ 'jp-muted': !one.mean }">{{ percent(one) }}</span>
      </div>
      <p class="jp-busy__axis jp-muted" aria-hidden="true"><span>24 h ago</span><span v-if="alone">{{ percent(rows[0]) }} on average</span><span>now</span></p>
    </div>
  </section>`,
  data: () => ({ use: null, error: "", row: "", at: null, touched: false, wide: WIDE, high: HIGH }),
  created() {
    this.load();
    // The bar that goes on grows; the clock of a page that nobody sees stands still. Its own minutes: all pages
    // would ask at once, when most jobs are due.
    const opened = Date.now();
    this.$watch(() => Math.floor((tick.now - opened) / 60_000), () => this.load());
  },
  computed: {
    steps() { return this.use?.items[0]?.busy.length || 96; },
    rows() {
      const known = new Map((this.use?.items ?? []).map((one) => [one.name, one.busy]));
      return this.items.map(({ name, slots }) => {
        const busy = known.get(name) ?? Array(this.steps).fill(0);
        const told = busy.filter((value) => value !== null);
        const mean = told.reduce((sum, value) => sum + value, 0) / Math.max(1, told.length);
        return { name, slots, busy, mean, top: Math.max(1, slots, ...told) };
      });
    },
    // By its name: what it did is read again and again.
    chosen() { return this.at === null ? undefined : this.rows.find((one) => one.name === this.row); },
    note() { return this.use?.counted_since ? `Since ${local(this.use.counted_since, "minute")}: more ended before than is counted` : "Last 24 hours, a bar for each quarter of an hour"; },
  },
  methods: {
    height: (one, value) => (HIGH * value) / one.top,
    // What is not nothing is seen. All bars are one path: a row is two elements, however many bars it has.
    bars(one, only = null) {
      const wide = WIDE / this.steps;
      return one.busy.map((value, index) => (!value || (only !== null && index !== only) ? "" : `M${index * wide + 1} ${HIGH}v${-Math.max(4, this.height(one, value)).toFixed(1)}h${wide - 2}V${HIGH}z`)).join("");
    },
    percent: (one) => { const share = (100 * one.mean) / Math.max(1, one.slots); return `${share > 0 && share < 1 ? "< 1" : Math.round(share)}${isChinese ? "" : " "}%`; },
    from(index) { return new Date(Date.parse(this.use.starts_at) + index * this.use.step_ms).toISOString(); },
    said(one, index) {
      if (!this.use) return "";
      const value = one.busy[index];
      const when = `${local(this.from(index), "minute")}–${local(this.from(index + 1), "minute")}`;
      return value === null ? `${when}: not counted` : `${when}: ${value.toFixed(value && value < 9.95 ? 1 : 0)} of ${plural(one.slots, "slot")} busy`;
    },
    saidWhole(one, index) { return this.alone ? this.said(one, index) : `${one.name}, ${this.said(one, index)}`; },
    choose({ name }, at) { Object.assign(this, { row: name, at }); },
    // A finger points at nothing once it is lifted: what it chose stays until it chooses something else.
    forget() { if (!this.touched) this.at = null; },
    point(event, one) {
      const box = event.currentTarget.getBoundingClientRect();
      this.choose(one, Math.max(0, Math.min(this.steps - 1, Math.floor(((event.clientX - box.left) / box.width) * this.steps))));
    },
    step(event, one) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      this.touched = false;
      if (event.key === "Enter") return this.open(one);
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -4, PageUp: 4, Home: -Infinity, End: Infinity }[event.key];
      if (!way) return;
      event.preventDefault();
      this.choose(one, Math.max(0, Math.min(this.steps - 1, (this.at ?? this.steps - 1) + way)));
    },
    // A bar is narrower than a finger: that chooses it, and what is said of it then is the link.
    press(event, one) { if (this.touched) this.point(event, one); else this.open(one); },
    // Newest first, without a beginning: what took a slot then may have been due long before.
    place(one, at = this.at ?? this.steps - 1) { return `/runs${query({ executor: one.name, to: this.from(at + 1) })}`; },
    open(one) { if (this.use) location.href = this.place(one); },
    async load() {
      const executor = this.alone ? this.items[0].name : "";
      try { Object.assign(this, { use: await api(`/utilisation${query({ executor })}`), error: "" }); }
      catch (error) { if (!this.use) this.error = error.message; }
    },
  },
};
