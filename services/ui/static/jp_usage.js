// What a run used over time: memory with its limit, and processors, as two small curves.
import { bytes, duration, parts } from "jp_format";
import { word } from "jp_words";

const WIDE = 600;
const HIGH = 56;
const NEAR = 3; // a limit that is further off than so many times the peak would press the curve flat

const cores = (value) => `${value < 10 ? value.toFixed(value < 0.1 && value > 0 ? 2 : 1) : Math.round(value)} ${value.toFixed(1) === "1.0" ? word("core") : word("cores")}`;

function chartsOf({ step_ms: step, memory_kb: memory, cpu_ms: cpu, memory_limit_bytes: limit }) {
  const used = memory.map((one) => one * 1000);
  const busy = cpu.map((one) => one / step);
  const peak = Math.max(...used);
  const inSight = limit && limit < NEAR * peak ? limit : 0;
  const total = cpu.reduce((sum, one) => sum + one, 0);
  return [
    { key: "memory", word: "Memory", values: used, top: Math.max(peak, inSight, 1) * 1.08, line: inSight, say: bytes, note: [`seen up to ${bytes(peak)}`, limit && `limit ${bytes(limit)}`].filter(Boolean).join(" · ") },
    { key: "cpu", word: "CPU", values: busy, top: Math.max(1, ...busy) * 1.08, line: 0, say: cores, note: `${cores(total / (step * cpu.length))} on average` },
  ];
}

export const JpUsage = {
  components: parts,
  props: { usage: Object },
  template: `
  <section class="jp-card jp-usage" aria-label="What it used over time">
    <div v-for="chart in charts" :key="chart.key" class="jp-usage__one">
      <p class="jp-usage__head"><span class="jp-label">{{ chart.word }}</span><span class="jp-muted jp-small" :class="{ 'jp-usage__now': at !== null }">{{ at === null ? chart.note : said(chart, at) }}</span></p>
      <div class="jp-usage__plot" role="slider" tabindex="0" :aria-label="chart.word + ' over time, ' + chart.note" aria-valuemin="1" :aria-valuemax="chart.values.length" :aria-valuenow="(at ?? chart.values.length - 1) + 1" :aria-valuetext="said(chart, at ?? chart.values.length - 1)"
        @pointermove="point" @pointerleave="at = null" @focus="at = at ?? chart.values.length - 1" @blur="at = null" @keydown="step">
        <svg :viewBox="'0 0 ' + wide + ' ' + high" preserveAspectRatio="none" aria-hidden="true" focusable="false">
          <path class="jp-usage__area" :d="area(chart)" /><path class="jp-usage__line" :d="line(chart)" />
          <line v-if="chart.line" class="jp-usage__limit" x1="0" :x2="wide" :y1="y(chart, chart.line)" :y2="y(chart, chart.line)" />
          <line v-if="at !== null" class="jp-usage__at" :x1="x(at)" :x2="x(at)" y1="0" :y2="high" />
        </svg></div>
      <p class="jp-usage__axis jp-muted"><span>start</span><span>{{ whole }}</span></p>
    </div>
  </section>`,
  data: () => ({ at: null, wide: WIDE, high: HIGH }),
  computed: {
    charts() { return chartsOf(this.usage); },
    count() { return this.usage.memory_kb.length; },
    whole() { return duration(this.count * this.usage.step_ms); },
  },
  methods: {
    x(index) { return (index * WIDE) / (this.count - 1); },
    y: (chart, value) => HIGH - (value / chart.top) * HIGH,
    line(chart) { return chart.values.map((value, index) => `${index ? "L" : "M"}${this.x(index).toFixed(1)} ${this.y(chart, value).toFixed(1)}`).join(""); },
    area(chart) { return `${this.line(chart)}L${WIDE} ${HIGH}L0 ${HIGH}Z`; },
    said(chart, index) { return `${chart.say(chart.values[index])} after ${duration((index + 1) * this.usage.step_ms)}`; },
    point(event) {
      const box = event.currentTarget.getBoundingClientRect();
      this.at = Math.max(0, Math.min(this.count - 1, Math.round(((event.clientX - box.left) / box.width) * (this.count - 1))));
    },
    step(event) {
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
      if (!way) return;
      event.preventDefault();
      this.at = Math.max(0, Math.min(this.count - 1, (this.at ?? this.count - 1) + way));
    },
  },
};
