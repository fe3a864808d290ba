// The log: drawn as it scrolls, followed live, searched, linked by line. Only the lines in sight are in
// the document, so that ten thousand lines cost what fifty do.
import { markRaw } from "vue";
import { bytes, count, isActive, isUnhappy, local, parts, plain, plural, span, tick, until, when } from "jp_format";
import { api, follow, query, watchRun } from "jp_core";
import { CUT, LogLines, colour, marked, occurrences, pieces } from "jp_log";

const LINE = 20; // px, as in portal.css
const OVERSCAN = 8;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/gu;

function look(style) {
  if (!style) return null;
  const { fg, bg, bold, dim, italic, underline, inverse } = style;
  const [front, back] = inverse ? [bg ?? "var(--jp-log-bg)", fg ?? "var(--jp-log-text)"] : [fg, bg];
  const paint = (value) => (value == null ? undefined : String(value).startsWith("var") ? value : colour(value));
  return {
    color: paint(front), backgroundColor: paint(back), fontWeight: bold ? 700 : undefined, opacity: dim ? 0.75 : undefined,
    fontStyle: italic ? "italic" : undefined, textDecoration: underline ? "underline" : undefined,
  };
}

export default {
  components: parts,
  props: { initial: Object },
  template: `
  <section aria-labelledby="jp-log-title">
    <figure v-if="lastWords.length" class="jp-card jp-quote">
      <figcaption class="jp-label"><JpIcon name="warning" />Last lines on stderr</figcaption>
      <pre class="jp-mono"><code>{{ lastWords.join('\\n') }}</code></pre>
    </figure>
    <div class="jp-card jp-log" :class="{ 'jp-log--wrap': wrap }">
      <div class="jp-log__bar">
        <h2 id="jp-log-title">{{ run.attempts.length > 1 ? 'Log of attempt ' + current.number : 'Log' }}</h2>
        <div class="jp-log__search"><JpIcon name="search" /><input class="jp-input" type="search" data-jp-search placeholder="Search log" aria-label="Search the log" v-model="needle" autocomplete="off" spellcheck="false"
            @keydown.enter.prevent="step($event.shiftKey ? -1 : 1)" @keydown.esc="needle = ''"></div>
        <span v-if="needle" class="jp-log__hits" aria-live="polite">{{ hits.length ? count(hit + 1) + '/' + count(hits.length) : 'none' }}</span>
        <span class="jp-log__options">
          <label class="jp-check">Times <select class="jp-select" v-model="times"><option value="off">off</option><option value="clock">local</option><option value="since">since start</option></select></label>
          <label class="jp-check"><input type="checkbox" v-model="onlyErrors">stderr only</label>
          <label class="jp-check"><input type="checkbox" v-model="wrap">Wrap</label>
          <label class="jp-check"><input type="checkbox" :checked="following" @change="setFollow($event.target.checked)">Follow</label>
          <a class="jp-btn jp-btn--small" :href="'/api/v1/runs/' + run.id + '/log.txt' + attemptQuery" download><JpIcon name="download" />Download</a>
        </span>
      </div>
      <div class="jp-log__view">
        <div v-if="!shown.length" class="jp-log__empty"><JpIcon :name="empty.icon" :spin="empty.icon === 'arc'" /><span>{{ empty.text }}</span></div>
        <div v-show="shown.length" ref="scroll" class="jp-log__scroll" tabindex="0" role="region" aria-label="Output" :style="{ height: height }" @scroll.passive="scrolled">
          <div class="jp-log__all" :style="{ height: total + 'px' }">
            <div class="jp-log__window" :style="{ transform: 'translateY(' + rows.top + 'px)' }">
              <div v-for="row in rows.list" :key="row.n" class="jp-log__row" :class="row.classes">
                <a class="jp-log__n" :style="{ width: digits + 2.5 + 'ch' }" :href="'#L' + row.n" tabindex="-1" :aria-label="'Line ' + row.n" @click.prevent="pick(row.n, $event)">{{ row.n }}</a>
                <span v-if="row.at" class="jp-log__at">{{ row.at }}</span>
                <span class="jp-log__text"><component v-for="(part, index) in row.parts" :is="part.mark ? 'mark' : 'span'" :key="index" :style="part.look">{{ part.text }}</component><button v-if="row.more" type="button" class="jp-log__more" @click="expand(row.n)">show all {{ row.more }}</button></span>
              </div>
            </div>
          </div>
        </div>
        <button v-if="unseen" type="button" class="jp-log__pill" @click="setFollow(true)"><JpIcon name="down" />{{ unseenWords }}</button>
      </div>
      <div class="jp-log__foot"><span>{{ status }}</span><span v-if="dropped" class="jp-log__dropped"><JpIcon name="warning" />Over the output cap: {{ dropped }} in between were not kept.</span></div>
    </div>
  </section>`,
  data(self) {
    const { run, chosen, seen, load } = watchRun(self.initial);
    return {
      run, chosen, seen, reloadRun: load, tick, drawn: 0, needle: "", hit: 0, times: "off", onlyErrors: false, wrap: false,
      following: isActive(self.initial.state) && !chosen.number, unseen: 0, picked: null, expanded: new Set(), top: 0, room: { above: 500, rows: 30, columns: 100 }, failed: "",
    };
  },
  created() {
    this.log = markRaw(new LogLines());
    this.tops = markRaw([0]);
    // Here, for it looks at the log: what is to be read now may have been waiting for its last chunk.
    this.$watch("complete", (now) => { if (now) this.seen.whole++; });
    this.readHash();
    addEventListener("hashchange", this.readHash);
  },
  mounted() {
    this.resizer = new ResizeObserver(this.measure);
    this.resizer.observe(this.$el);
    this.measure();
    this.open();
  },
  beforeUnmount() { this.stop?.(); this.resizer.disconnect(); removeEventListener("hashchange", this.readHash); },
  watch: {
    "chosen.number"() { this.reopen(); },
    // The next attempt has begun: what is shown is the one before.
    "run.attempts.length"(count, before) { if (!this.attempt && before) this.reopen(); },
    needle() { this.hit = 0; this.$nextTick(() => this.hits.length && this.showHit()); },
    onlyErrors() { this.afterLayout(); },
    wrap() { this.tops = markRaw([0]); this.afterLayout(); },
  },
  computed: {
    attempt() { return this.chosen.number; },
    // How the attempt stands whose log this is; of the newest one the run itself says it.
    state() { return this.attempt && this.current ? this.current.state : this.run.state; },
    attemptQuery() { return query({ attempt: this.attempt }); },
    current() { return this.attempt ? this.run.attempts.find((one) => one.number === this.attempt) : this.run.attempts.at(-1); },
    // Line numbers (from 1) in sight of the filter.
    shown() {
      this.drawn;
      const { lines } = this.log;
      if (!this.onlyErrors) return { length: lines.length, at: (index) => index };
      const errors = [];
      lines.forEach((line, index) => line.stream === "stderr" && errors.push(index));
      return { length: errors.length, at: (index) => errors[index], find: (line) => errors.findIndex((index) => index >= line) };
    },
    total() { return this.offset(this.shown.length); },
    // While it grows its end stays on the first screen; afterwards there is room to read.
    height() { return `min(${this.total + 24}px, max(320px, 100vh - ${isActive(this.state) ? this.room.above : 250}px))`; },
    digits() { return String(this.shown.length ? this.shown.at(this.shown.length - 1) + 1 : 1).length; },
    rows() {
      const first = Math.max(0, this.rowAt(this.top) - OVERSCAN);
      const last = Math.min(this.shown.length, this.rowAt(this.top + this.room.rows * LINE) + OVERSCAN + 1);
      const list = [];
      for (let row = first; row < last; row++) list.push(this.drawRow(this.shown.at(row)));
      return { top: this.offset(first), list };
    },
    hits() {
      this.drawn;
      const needle = this.needle.toLowerCase();
      const found = [];
      if (needle) for (let row = 0; row < this.shown.length; row++) {
        const line = this.shown.at(row);
        for (const start of occurrences(this.log.lines[line].text, needle)) found.push({ row, line, start });
      }
      return found;
    },
    lastWords() {
      this.drawn;
      if (!isUnhappy(this.state)) return [];
      return this.log.lines.filter((line) => line.stream === "stderr").slice(-5).map((line) => plain(line.text).slice(0, 400)).filter(Boolean);
    },
    dropped() { return this.current?.dropped_bytes ? bytes(this.current.dropped_bytes) : ""; },
    unseenWords() { return plural(this.unseen, "new line"); },
    complete() {
      this.drawn;
      return this.current ? this.current.last_seq != null && (this.log.seq >= this.current.last_seq || this.current.output_removed_at != null) : !isActive(this.state);
    },
    status() {
      this.drawn;
      if (this.failed) return this.failed;
      const lines = plural(this.log.lines.length, "line") + (this.onlyErrors ? `, ${count(this.shown.length)} on stderr` : "");
      if (this.log.missing) return `${lines} · ${plural(this.log.missing, "piece")} of output never arrived`;
      if (this.current?.output_removed_at) return "Removed";
      if (this.complete) return `${lines} · complete`;
      return isActive(this.state) ? `${lines} · live` : `${lines} · reading the rest…`;
    },
    empty() {
      const { state } = this;
      if (this.failed) return { icon: "warning", text: this.failed };
      if (this.onlyErrors && this.log.lines.length) return { icon: "check", text: "Nothing on stderr." };
      if (state === "queued" && this.current?.number > 1 && Date.parse(this.current.due_at) > this.tick.now) return { icon: "clock", text: `Attempt ${this.current.number} starts ${until(this.current.due_at, this.tick.now)}.` };
      if (state === "held" || state === "queued") return { icon: "lines", text: `Waiting for an executor, ${span(this.tick.now - Date.parse(this.run.due_at))}.` };
      if (state === "running") return { icon: "arc", text: "No output yet." };
      if (state === "skipped" || state === "missed") return { icon: "skip", text: "This run did not start, so it printed nothing." };
      if (this.current?.output_removed_at) return { icon: "lines", text: `What it printed was removed ${when(this.current.output_removed_at)}: its job keeps only so much output.` };
      return this.complete ? { icon: "lines", text: "It printed nothing." } : { icon: "arc", text: "Reading…" };
    },
  },
  methods: {
    count,
    // --- chunks -------------------------------------------------------------------------------
    // A log that is whole is read page by page; one that grows, or an end that is still on its way, comes
    // over the stream: first what is stored, then what arrives, in order and each chunk once.
    open() {
      const isWhole = this.run.log.complete && this.run.log.attempt_id === this.run.attempts.at(-1)?.id;
      if (this.attempt || isWhole) return this.read();
      this.stop = follow(`log:${this.run.id}`, this.live, { where: () => ({ after_seq: this.log.seq, attempt_id: this.attemptId ?? null }) });
    },
    live(chunks) {
      for (const chunk of chunks) {
        // Another attempt begins: its log starts anew.
        if (this.attemptId && chunk.attempt_id !== this.attemptId) { this.clear(); this.reloadRun(); }
        this.attemptId = chunk.attempt_id;
        this.take([chunk]);
      }
    },
    async read() {
      const { log, attempt } = this;
      try {
        for (let after = 0; after != null && log === this.log; ) {
          const page = await api(`/runs/${this.run.id}/log${query({ after_seq: after || null, limit: after ? 200 : 50, attempt })}`);
          if (log === this.log) this.take(page.items);
          after = page.next;
        }
        this.failed = "";
      } catch (error) { this.failed = `The log cannot be read. ${error.message}`; }
    },
    take(chunks) {
      const before = this.log.lines.length;
      if (!this.log.add(chunks)) return;
      if (!this.following && isActive(this.state) && before) this.unseen += this.log.lines.length - before;
      if (this.drawing) return;
      this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.drawn++; this.afterLayout(); });
    },
    clear() { this.log = markRaw(new LogLines()); this.tops = markRaw([0]); Object.assign(this, { unseen: 0, hit: 0 }); this.drawn++; },
    reopen() {
      this.stop?.();
      this.stop = this.attemptId = this.picked = null;
      this.following = isActive(this.state);
      this.clear();
      this.open();
    },
    // --- geometry -----------------------------------------------------------------------------
    measure() {
      const scroll = this.$refs.scroll;
      const above = Math.round(this.$el.querySelector(".jp-log__view").getBoundingClientRect().top + scrollY) + 64;
      this.room = { above, rows: Math.ceil(Math.max(320, innerHeight - 250) / LINE), columns: Math.max(20, Math.floor((scroll.clientWidth - 40) / 7.52) - this.digits - 3) };
      this.tops = markRaw([0]);
    },
    // Where a row begins. With wrapping, rows differ: the sums are kept and only what is new is added.
    offset(row) {
      if (!this.wrap) return row * LINE;
      const { tops, room, log, shown } = this;
      for (let next = tops.length; next <= row; next++) {
        const text = plain(log.lines[shown.at(next - 1)].text.slice(0, CUT));
        const width = text.length + (text.match(WIDE)?.length ?? 0);
        tops.push(tops[next - 1] + LINE * Math.max(1, Math.ceil(width / room.columns)));
      }
      return tops[row];
    },
    rowAt(y) {
      if (!this.wrap) return Math.min(this.shown.length, Math.floor(y / LINE));
      let [low, high] = [0, this.shown.length];
      while (low < high) { const middle = (low + high + 1) >> 1; if (this.offset(middle) <= y) low = middle; else high = middle - 1; }
      return low;
    },
    afterLayout() {
      if (this.onlyErrors) this.tops = markRaw([0]);
      this.$nextTick(() => {
        const scroll = this.$refs.scroll;
        if (!scroll) return;
        if (this.wanted) this.goTo(this.wanted);
        else if (this.following) scroll.scrollTop = scroll.scrollHeight;
        this.top = scroll.scrollTop;
      });
    },
    scrolled() {
      const scroll = this.$refs.scroll;
      const atEnd = scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop < LINE;
      if (scroll.scrollTop < this.top - 2 && !atEnd) this.following = false;
      if (atEnd) this.unseen = 0;
      this.top = scroll.scrollTop;
    },
    setFollow(on) { this.following = on; if (on) { this.unseen = 0; this.wanted = null; this.afterLayout(); } },
    goTo(number) {
      if (number > this.log.lines.length) return;
      this.wanted = null;
      this.following = false;
      const row = this.onlyErrors ? this.shown.find(number - 1) : number - 1;
      const scroll = this.$refs.scroll;
      scroll.scrollTop = Math.max(0, this.offset(Math.max(0, row)) - scroll.clientHeight / 3);
    },
    // --- one line -----------------------------------------------------------------------------
    drawRow(index) {
      const line = this.log.lines[index];
      const cut = line.text.length > CUT && !this.expanded.has(index + 1);
      const text = cut ? line.text.slice(0, CUT) : line.text;
      const starts = this.needle ? occurrences(text, this.needle.toLowerCase()) : [];
      const found = marked(pieces(text, line.style).pieces, starts, this.needle.length);
      const now = this.hits[this.hit]?.line === index;
      return {
        n: index + 1,
        at: this.times === "off" ? "" : this.times === "clock" ? local(line.at, "log") : this.sinceStart(line.at),
        parts: found.map((part) => ({ text: part.text, mark: part.mark, look: look(part.style) })),
        more: cut ? bytes(line.text.length) : "",
        classes: { "jp-log__row--error": line.stream === "stderr", "jp-log__row--note": line.stream === "portal", "jp-log__row--hit": now, "jp-log__row--picked": this.picked && index + 1 >= this.picked[0] && index + 1 <= this.picked[1] },
      };
    },
    sinceStart(at) { return `+${(Math.max(0, Date.parse(at) - Date.parse(this.current?.started_at ?? at)) / 1000).toFixed(3)}`; },
    expand(number) { this.expanded = new Set(this.expanded).add(number); },
    // --- search and links -----------------------------------------------------------------------
    step(way) { if (this.hits.length) { this.hit = (this.hit + way + this.hits.length) % this.hits.length; this.showHit(); } },
    // A hit is also the line that the address names: that is how the keyboard links to a line.
    showHit() {
      const number = this.hits[this.hit].line + 1;
      this.goTo(number);
      this.pick(number, {});
    },
    pick(number, event) {
      const from = event.shiftKey && this.picked ? this.picked[0] : number;
      this.picked = [Math.min(from, number), Math.max(from, number)];
      const [first, last] = this.picked;
      history.replaceState(history.state, "", `${location.pathname}${location.search}#L${first}${last > first ? `-L${last}` : ""}`);
    },
    readHash() {
      const match = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
      if (!match) return;
      const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
      this.picked = [Math.min(first, last), Math.max(first, last)];
      this.following = false;
      this.wanted = this.picked[0];
      if (this.$refs?.scroll) this.afterLayout();
    },
  },
};
