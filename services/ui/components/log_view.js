// The log: drawn as it scrolls, followed live, searched, folded, linked by line. Only the lines in sight are in
// the document, and only those that were in sight lately in memory: a million lines cost what fifty do.
import { markRaw } from "vue";
import { bytes, count, isActive, isUnhappy, local, parts, plain, plural, screenSize, span, tick, until, when } from "jp_format";
import { attempt, debounced, follow, link, onKeys, openUnder, query, toast, watchRun } from "jp_core";
import { CUT, look, marked, occurrences, pieces } from "jp_log";
import { LINE, Heights, Rows } from "jp_log_rows";
import { LogSearch, LogStore } from "jp_log_store";

const OVERSCAN = 8;
const TALLEST = 12_000_000; // px: browsers draw nothing beyond some 17 million
const MOST_COPIED = 10_000; // lines
const MOST_TEXT = 32_000_000; // characters of them
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/gu;

export default {
  components: parts,
  props: { initial: Object },
  template: `
  <section aria-labelledby="jp-log-title">
    <Teleport defer to="#jp-last-words"><figure v-if="lastWords.length || awaited" class="jp-card jp-quote">
      <figcaption class="jp-label"><JpIcon name="warning" />Last lines on stderr<a class="jp-link" href="#jp-log-title" @click.prevent="toLog">Open the log</a></figcaption>
      <pre class="jp-mono" :style="{ minHeight: awaited * 20 + 'px' }"><code>{{ lastWords.join('\\n') }}</code></pre>
    </figure></Teleport>
    <div class="jp-card jp-log" :class="{ 'jp-log--wrap': wrap, 'jp-log--full': full }">
      <div class="jp-log__bar">
        <h2 id="jp-log-title">{{ run.attempts.length > 1 ? 'Log of attempt ' + current.number : 'Log' }}</h2>
        <div class="jp-log__search"><JpIcon name="search" /><input class="jp-input" type="search" data-jp-search placeholder="Search log" aria-label="Search the log" v-model="needle" maxlength="200" autocomplete="off" spellcheck="false" ref="search"
            @keydown.enter.prevent="step($event.shiftKey ? -1 : 1)" @keydown.esc="needle = ''"></div>
        <span v-if="needle" class="jp-log__hits" aria-live="polite">{{ hits }}</span>
        <button v-if="narrow" type="button" class="jp-iconbtn jp-log__more-button" aria-haspopup="true" @click="openUnder($refs.options, $event.currentTarget)" aria-label="How the log is shown" title="How the log is shown"><JpIcon name="more" /></button>
        <span ref="options" class="jp-log__options" :class="{ 'jp-pop': narrow }" :popover="narrow ? 'auto' : null">
          <label class="jp-check">Times <select class="jp-select" v-model="times"><option value="off">off</option><option value="clock">local</option><option value="since">since start</option></select></label>
          <label class="jp-check"><input type="checkbox" v-model="onlyErrors">stderr only</label>
          <label class="jp-check"><input type="checkbox" v-model="wrap">Wrap</label>
          <label class="jp-check"><input type="checkbox" :checked="following" @change="setFollow($event.target.checked)">Follow</label>
          <a class="jp-btn jp-btn--small" :href="'/api/v1/runs/' + run.id + '/log.txt' + attemptQuery" download><JpIcon name="download" />Download</a>
          <button type="button" class="jp-btn jp-btn--small" :aria-pressed="full ? 'true' : 'false'" @click="setFull(!full)"><JpIcon :name="full ? 'cross' : 'expand'" />{{ full ? 'Leave full screen' : 'Full screen' }}</button>
        </span>
      </div>
      <div class="jp-log__view">
        <div v-if="!length" class="jp-log__empty" :style="{ minHeight: awaitedLines ? height : null }"><JpIcon :name="empty.icon" :spin="empty.icon === 'arc'" /><span>{{ empty.text }}</span></div>
        <button v-if="sticky" type="button" class="jp-log__sticky" tabindex="-1" @click="fold(sticky)"><JpIcon name="chevron" />{{ sticky.name }}</button>
        <div v-show="length" ref="scroll" class="jp-log__scroll" tabindex="0" role="region" aria-label="Output" :style="{ height: height }" @scroll.passive="scrolled">
          <div class="jp-log__all" :style="{ height: Math.min(total, tallest) + 'px' }">
            <div class="jp-log__window" :style="{ transform: 'translateY(' + rows.top + 'px)' }">
              <div v-for="row in rows.list" :key="row.key" class="jp-log__row" :class="row.classes" :data-line="row.key">
                <a class="jp-log__n" :style="{ width: digits + 2.5 + 'ch' }" :href="'#L' + row.n" tabindex="-1" :aria-label="'Line ' + row.n" @click.prevent="pick(row.n, $event)">{{ row.n }}</a>
                <span v-if="row.at" class="jp-log__at">{{ row.at }}</span>
                <button v-if="row.group" type="button" class="jp-log__group" :aria-expanded="row.folded ? 'false' : 'true'" @click="fold(row.group)"><JpIcon name="chevron" /><component v-for="(part, index) in row.parts" :is="part.mark ? 'mark' : 'span'" :key="index">{{ part.text }}</component><span class="jp-log__size">{{ row.size }}</span></button>
                <span v-else class="jp-log__text"><component v-for="(part, index) in row.parts" :is="part.mark ? 'mark' : 'span'" :key="index" :style="part.look">{{ part.text }}</component><button v-if="row.more" type="button" class="jp-log__more" @click="expand(row.n)">show all {{ row.more }}</button></span>
              </div>
            </div>
          </div>
        </div>
        <div class="jp-log__float">
          <button v-if="unseen" type="button" class="jp-log__pill" @click="setFollow(true)"><JpIcon name="down" />{{ unseenWords }}</button>
          <div v-if="picked && !needle" class="jp-log__picked" role="group" aria-label="Chosen lines"><span>{{ pickedWords }}</span>
            <button type="button" @click="copyLink"><JpIcon name="link" />Copy link</button><button type="button" @click="copyText"><JpIcon name="lines" />Copy text</button>
            <button type="button" aria-label="Choose no lines" @click="unpick"><JpIcon name="cross" /></button></div>
        </div>
      </div>
      <div class="jp-log__foot"><span>{{ status }}</span><span v-if="dropped" class="jp-log__dropped"><JpIcon name="warning" />Over the output cap: {{ dropped }} in between were not kept.</span></div>
    </div>
  </section>`,
  data(self) {
    const { run, chosen, seen, load } = watchRun(self.initial);
    return {
      run, chosen, seen, reloadRun: load, tick, link, tallest: TALLEST, drawn: 0, looked: 0, opened: false, needle: "", hit: 0, times: "off", onlyErrors: false, wrap: false, full: false,
      following: isActive(self.initial.state) && !chosen.number, unseen: 0, picked: null, folds: new Map(), whole: markRaw(new Map()), words: null, top: 0, room: { above: 500, rows: 30, columns: 100 }, failed: "",
    };
  },
  created() {
    this.size = [0, 0];
    this.stuck = 0;
    this.clear();
    // Here, for they look at the log: what is to be read now may have been waiting for its last chunk.
    this.$watch("complete", (now) => { if (now) this.seen.whole++; });
    this.$watch("asksForWords", this.readWords, { immediate: true });
    this.seek = debounced(() => this.look(), 150);
    this.readHash();
    addEventListener("hashchange", this.readHash);
    addEventListener("keydown", this.onEscape);
    this.unkey = onKeys({
      f: () => this.setFull(!this.full), w: () => { this.wrap = !this.wrap; }, e: () => { this.onlyErrors = !this.onlyErrors; },
      g: () => this.toStart(), G: () => this.setFollow(true),
    });
  },
  mounted() {
    this.resizer = new ResizeObserver(this.measure);
    this.resizer.observe(this.$el);
    this.measure();
    this.open();
  },
  // Before the browser tells that it moved by itself: else what shrinks and grows at once looks like a person.
  updated() {
    if (this.following && !this.wanted) this.stick();
    this.measureRows();
  },
  beforeUnmount() { this.stop?.(); this.resizer.disconnect(); this.store.gone = true; removeEventListener("hashchange", this.readHash); removeEventListener("keydown", this.onEscape); this.unkey(); },
  watch: {
    "chosen.number"() { this.reopen(); },
    // The next attempt has begun: what is shown is the one before.
    "run.attempts.length"(count, before) { if (!this.attempt && before) this.reopen(); },
    "link.state"(state) { if (state === "live" && this.failed && !this.opened) this.reopen(); },
    needle() { this.forget(); this.seek(); },
    onlyErrors() { this.forget(); this.seek(); this.moved(); },
    wrap() { this.moved(); },
    times() { this.moved(); },
    full() { this.$nextTick(this.measure); },
  },
  computed: {
    narrow: () => screenSize.narrow,
    attempt() { return this.chosen.number; },
    // How the attempt stands whose log this is; of the newest one the run itself says it.
    state() { return this.attempt && this.current ? this.current.state : this.run.state; },
    attemptQuery() { return query({ attempt: this.attempt }); },
    current() { return this.attempt ? this.run.attempts.find((one) => one.number === this.attempt) : this.run.attempts.at(-1); },
    lines() { this.drawn; return this.store.total; },
    errors() { this.drawn; return this.store.errors; },
    // What of a group is hidden: all but its name, or, where it is open, the word that ends it.
    map() {
      if (this.onlyErrors) return new Rows(this.errors, []);
      const hidden = this.groups.map((group) => [this.isFolded(group) ? group.first + 1 : group.said ? group.last : Infinity, group.last ?? this.lines]);
      return new Rows(this.lines, hidden);
    },
    groups() { this.drawn; return [...this.store.tail.groups]; },
    groupAt() { return new Map(this.groups.map((group) => [group.first, group])); },
    length() { return this.map.length; },
    total() { this.drawn; return this.offset(this.length); },
    // While it grows its end stays on the first screen; afterwards there is room to read.
    height() { return this.full ? "100%" : `min(${(this.total || this.awaitedLines * LINE) + 24}px, max(320px, 100vh - ${isActive(this.state) ? this.room.above : 250}px))`; },
    digits() { return String(this.lines || 1).length; },
    rows() {
      this.drawn, this.looked;
      this.store.wanted.clear(); // what is out of sight again is not asked for
      const y = this.virtual(this.top);
      const first = Math.max(0, this.rowAt(y) - OVERSCAN);
      const last = Math.min(this.length, this.rowAt(y + this.room.rows * LINE) + OVERSCAN + 1);
      const list = [];
      for (let row = first; row < last; row++) list.push(this.drawRow(row));
      return { top: this.top + this.offset(first) - y, first, last, list };
    },
    // The open group whose name has scrolled out of sight.
    sticky() {
      if (this.onlyErrors || !this.length) return null;
      const line = this.map.lineAt(Math.min(this.length - 1, this.rowAt(this.virtual(this.top))));
      return this.groups.findLast((group) => group.first < line && line <= (group.last ?? Infinity) && !this.isFolded(group)) ?? null;
    },
    hits() {
      this.looked;
      const { search } = this;
      if (!search?.count) return search?.over ? "none" : "…";
      return `${count(this.hit + 1)}/${count(search.count)}${search.over ? "" : search.full ? "+" : "…"}`;
    },
    lastWords() { return isUnhappy(this.state) ? this.words ?? [] : []; },
    // Room for about as many lines as will come, so that the page does not move when they do.
    awaited() { return isUnhappy(this.state) && !this.words ? Math.min(5, Math.ceil((this.current?.stderr_bytes ?? 0) / (this.narrow ? 36 : 60))) : 0; },
    // Room for the lines that are stored, so that what is below stays where it is when they come.
    awaitedLines() { return this.opened || this.failed || this.attempt ? 0 : this.initial.log.lines; },
    asksForWords() { return isUnhappy(this.state) ? `${this.current?.number} ${this.complete}` : ""; },
    dropped() { return this.current?.dropped_bytes ? bytes(this.current.dropped_bytes) : ""; },
    unseenWords() { return plural(this.unseen, "new line"); },
    pickedWords() { const [first, last] = this.picked; return last > first ? `Lines ${first}–${last}` : `Line ${first}`; },
    complete() {
      this.drawn;
      return this.current ? this.current.last_seq != null && (this.store.tail.seq >= this.current.last_seq || this.current.output_removed_at != null) : !isActive(this.state);
    },
    status() {
      this.drawn;
      if (this.failed || this.store.failed) return this.failed || this.store.failed;
      const lines = plural(this.lines, "line") + (this.onlyErrors ? `, ${count(this.length)} on stderr` : "");
      const missing = this.store.missing + this.store.tail.missing;
      if (missing) return `${lines} · ${plural(missing, "piece")} of output never arrived`;
      if (this.current?.output_removed_at) return "Removed";
      if (this.complete) return `${lines} · complete`;
      return isActive(this.state) ? `${lines} · live` : `${lines} · reading the rest…`;
    },
    empty() {
      const { state } = this;
      if (this.failed) return { icon: "warning", text: this.failed };
      if (this.onlyErrors && this.lines) return { icon: "check", text: "Nothing on stderr." };
      if (state === "queued" && this.current?.number > 1 && Date.parse(this.current.due_at) > this.tick.now) return { icon: "clock", text: `Attempt ${this.current.number} starts ${until(this.current.due_at, this.tick.now)}.` };
      if (state === "held" || state === "queued") return { icon: "lines", text: `Waiting for an executor, ${span(this.tick.now - Date.parse(this.run.due_at))}.` };
      if (state === "skipped" || state === "missed") return { icon: "skip", text: "This run did not start, so it printed nothing." };
      if (this.current?.output_removed_at) return { icon: "lines", text: `What it printed was removed ${when(this.current.output_removed_at)}: its job keeps only so much output.` };
      if (!this.opened) return { icon: "arc", text: "Reading…" };
      if (state === "running") return { icon: "arc", text: "No output yet." };
      return this.complete ? { icon: "lines", text: "It printed nothing." } : { icon: "arc", text: "Reading…" };
    },
  },
  methods: {
    openUnder,
    // --- what is read -------------------------------------------------------------------------
    // First what is stored, the part that is to be seen; then, unless that is all, what comes over the stream.
    async open() {
      const { store } = this;
      try {
        this.attemptId = await store.open(this.wanted?.number ?? (this.following ? null : 1));
      } catch (error) {
        if (store === this.store) this.failed = `The log cannot be read. ${error.message}`;
        return;
      }
      if (store.gone) return;
      Object.assign(this, { opened: true, failed: "" });
      this.draw();
      if (this.attempt || this.complete) return;
      this.stop = follow(`log:${this.run.id}`, this.live, { where: () => ({ after_seq: this.store.tail.seq, attempt_id: this.attemptId ?? null }) });
    },
    live(chunks) {
      for (const chunk of chunks) {
        // Another attempt begins: its log starts anew.
        if (this.attemptId && chunk.attempt_id !== this.attemptId) { this.clear(); this.reloadRun(); }
        this.attemptId = chunk.attempt_id;
        const before = this.lines;
        if (!this.store.add([chunk])) continue;
        if (!this.following && isActive(this.state) && before) this.unseen += this.store.total - before;
        this.draw();
      }
    },
    draw() {
      if (this.drawing) return;
      this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.drawn++; this.afterLayout(); if (this.search?.over) this.lookSoon(); });
    },
    clear() {
      if (this.store) this.store.gone = true;
      this.store = markRaw(new LogStore(() => ({ run: this.run.id, attempt: this.attempt ?? this.run.attempts.find((one) => one.id === this.attemptId)?.number }), () => this.draw()));
      this.whole.clear();
      Object.assign(this, { unseen: 0, folds: new Map() });
      this.forget();
      this.moved();
      this.drawn++;
    },
    reopen() {
      this.stop?.();
      this.stop = this.attemptId = this.picked = null;
      this.following = isActive(this.state);
      this.opened = false;
      this.clear();
      this.seek();
      this.open();
    },
    async readWords() {
      const asked = this.asksForWords;
      if (this.wordsOf !== this.current?.number) this.words = null;
      this.wordsOf = this.current?.number;
      if (!asked) return;
      const found = await this.store.ask("lines", { from: -5, stream: "stderr", tail: true }).catch(() => ({ items: [] }));
      if (asked === this.asksForWords) this.words = found.items.map(([, , , , , text]) => plain(text).slice(0, 400)).filter(Boolean);
    },
    // --- geometry -----------------------------------------------------------------------------
    measure() {
      const scroll = this.$refs.scroll;
      const above = Math.round(this.$el.querySelector(".jp-log__view").getBoundingClientRect().top + scrollY) + 64;
      this.room = { above, rows: Math.ceil((this.full ? innerHeight : Math.max(320, innerHeight - 250)) / LINE), columns: Math.max(20, Math.floor((scroll.clientWidth - 40) / 7.52) - this.digits - 3) };
      this.moved();
    },
    moved() { this.heights = markRaw(new Heights((row) => this.wrapped(row))); this.taken = new Map(); this.drawn++; this.afterLayout(); },
    // How many lines of text a row takes beyond its first: about, until it is drawn.
    wrapped(row) {
      const line = this.onlyErrors ? this.store.error(row + 1) : this.store.line(this.map.lineAt(row));
      if (!line) return null;
      if (this.taken.has(line.number)) return this.taken.get(line.number);
      const text = plain(line.text.slice(0, CUT));
      const width = text.length + (text.match(WIDE)?.length ?? 0);
      return Math.max(0, Math.ceil(width / this.room.columns) - 1);
    },
    offset(row) { return this.wrap ? this.heights.offset(row) : row * LINE; },
    rowAt(y) { return this.wrap ? this.heights.rowAt(y, this.length) : Math.min(this.length, Math.floor(y / LINE)); },
    // A log may be taller than a browser can draw: then a step of its scroll bar is more than one pixel.
    ratio() {
      const view = this.$refs.scroll?.clientHeight ?? 0;
      return this.total <= TALLEST ? 1 : (this.total - view) / (TALLEST - view);
    },
    virtual(top) { return top * this.ratio(); },
    afterLayout() {
      this.$nextTick(() => {
        const scroll = this.$refs.scroll;
        if (!scroll) return;
        this.measureRows();
        if (this.wanted) this.goTo(this.wanted);
        this.stick();
      });
    },
    // What is followed stays at its end, and what is not where it is.
    stick() {
      const { scroll } = this.$refs;
      if (this.following) scroll.scrollTop = scroll.scrollHeight;
      this.top = this.stuck = scroll.scrollTop;
      this.size = [scroll.scrollHeight, scroll.clientHeight];
    },
    // Rows of which more is known now push others away: what is read stays where it is.
    measureRows() {
      if (!this.wrap) return;
      const y = this.virtual(this.top);
      const [row, { first, last }] = [this.rowAt(y), this.rows];
      const within = y - this.offset(row);
      if (!this.heights.measure(first, Math.min(this.length, last), this.length, this.takes())) return;
      this.drawn++;
      const to = this.offset(row) + within;
      this.$nextTick(() => { if (!this.following && !this.wanted) this.$refs.scroll.scrollTop = to / this.ratio(); else this.afterLayout(); });
    },
    // Ask the browser how many lines what is drawn takes: fonts, tabs and breaks between words decide it.
    takes() {
      let isOther = false;
      for (const row of this.$refs.scroll.querySelectorAll(".jp-log__row:not(.jp-log__row--away)")) {
        const [number, more] = [Number(row.dataset.line), Math.round(row.offsetHeight / LINE) - 1];
        if (row.offsetHeight && this.taken.get(number) !== more) { isOther = true; this.taken.set(number, more); }
      }
      return isOther;
    },
    scrolled() {
      const { scrollTop, scrollHeight, clientHeight } = this.$refs.scroll;
      const atEnd = scrollHeight - clientHeight - scrollTop < LINE;
      // What shrinks or is given more room moves by itself; whoever scrolls up wants to stay.
      const byItself = scrollHeight < this.size[0] || clientHeight !== this.size[1];
      this.size = [scrollHeight, clientHeight];
      if (atEnd) this.unseen = 0;
      // From where it was put, not from the last event: slowly is away, too.
      if (byItself && this.following) this.afterLayout();
      else if (scrollTop < this.stuck - 2) this.following = false;
      this.top = scrollTop;
      if (this.wrap) this.measureRows();
    },
    setFollow(on) { this.following = on; if (on) { this.unseen = 0; this.wanted = null; this.afterLayout(); } },
    // `rank`: which line on stderr it is, if that is known.
    goTo({ number, rank }) {
      if (number > this.lines || (this.onlyErrors && rank == null)) return;
      this.wanted = null;
      this.following = false;
      const group = this.groups.findLast((one) => one.first < number && number <= (one.last ?? Infinity));
      if (group && this.isFolded(group)) { this.wanted = { number, rank }; return this.fold(group); }
      const row = this.onlyErrors ? rank - 1 : this.map.rowOf(number);
      const scroll = this.$refs.scroll;
      scroll.scrollTop = Math.max(0, this.offset(row) - scroll.clientHeight / 3) / this.ratio();
      this.top = scroll.scrollTop;
      this.drawn++;
    },
    toLog() { document.getElementById("jp-log-title").scrollIntoView(); this.setFollow(true); this.$refs.scroll.focus({ preventScroll: true }); },
    // --- one line -----------------------------------------------------------------------------
    drawRow(row) {
      const at = this.onlyErrors ? row + 1 : this.map.lineAt(row);
      const line = this.onlyErrors ? this.store.error(at) : this.store.line(at);
      if (!line) return { key: `${at}?`, n: this.onlyErrors ? "" : at, at: "", parts: [], more: "", classes: "jp-log__row--away" };
      const { number } = line;
      const group = this.onlyErrors ? null : this.groupAt.get(number);
      const all = this.whole.get(number) ?? line.text;
      const length = Math.max(all.length, line.length ?? 0);
      const cut = this.whole.has(number) ? all.length < length : length > CUT;
      const text = group ? group.name : cut ? all.slice(0, CUT) : all;
      const found = marked(pieces(text, line.style).pieces, this.needle ? occurrences(text, this.needle) : [], this.needle.length);
      const picked = this.picked && number >= this.picked[0] && number <= this.picked[1];
      return {
        key: number, n: number, group, folded: group && this.isFolded(group), size: group ? plural((group.last ?? this.lines) - number - (group.said ? 1 : 0), "line") : "",
        at: this.times === "off" ? "" : this.times === "clock" ? local(line.at, "log") : this.sinceStart(line.at),
        parts: found.map((part) => ({ text: part.text, mark: part.mark, look: look(part.style) })),
        more: cut ? bytes(length) : "",
        classes: { "jp-log__row--error": line.stream === "stderr", "jp-log__row--note": line.stream === "portal", "jp-log__row--hit": this.search?.count && this.search.lineOf(this.hit).number === number, "jp-log__row--picked": picked },
      };
    },
    sinceStart(at) { return `+${(Math.max(0, new Date(at) - Date.parse(this.current?.started_at ?? at)) / 1000).toFixed(3)}`; },
    async expand(number) {
      // What has no end yet is here, and grows.
      const line = this.store.line(number);
      if (line && line.length == null) { this.whole.set(number, null); return this.moved(); }
      const answer = await attempt(() => this.store.ask("lines", { from: number, limit: 1, full: true }));
      if (!answer) return;
      this.whole.set(number, answer.items[0][5]);
      this.drawn++;
      this.moved();
    },
    // --- groups -------------------------------------------------------------------------------
    // What has ended well is folded, until somebody says otherwise.
    isFolded(group) { return this.folds.get(group.first) ?? (group.last != null && !(isUnhappy(this.state) && group.errors > 0)); },
    fold(group) {
      this.folds.set(group.first, !this.isFolded(group));
      if (this.isFolded(group)) this.wanted = { number: group.first };
      this.moved();
    },
    // --- search and links -----------------------------------------------------------------------
    forget() { if (this.search) this.search.gone = true; this.search = null; this.hit = 0; this.looked++; },
    look() {
      if (!this.needle || this.store.gone) return;
      let isNew = !this.search;
      this.search ??= markRaw(new LogSearch(this.store, this.needle, this.onlyErrors));
      const { search } = this;
      search.go(() => {
        this.looked++;
        if (isNew && search.count) { isNew = false; this.showHit(); }
      });
    },
    // What came meanwhile is looked through, too, a few times a second.
    lookSoon() { this.looking ??= setTimeout(() => { this.looking = null; this.look(); }, 300); },
    step(way) { const found = this.search?.count; if (found) { this.hit = (this.hit + way + found) % found; this.showHit(); } },
    // A hit is also the line that the address names: that is how the keyboard links to a line.
    showHit() {
      const line = this.search.lineOf(this.hit);
      this.pick(line.number, {});
      this.goTo(line);
    },
    pick(number, event) {
      const from = event.shiftKey && this.picked ? this.picked[0] : number;
      this.picked = [Math.min(from, number), Math.max(from, number)];
      const [first, last] = this.picked;
      history.replaceState(history.state, "", `${location.pathname}${location.search}#L${first}${last > first ? `-L${last}` : ""}`);
    },
    unpick() { this.picked = null; history.replaceState(history.state, "", location.pathname + location.search); },
    readHash() {
      const match = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
      if (!match) return;
      const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
      if (!first || !last) return;
      this.picked = [Math.min(first, last), Math.max(first, last)];
      this.following = false;
      this.wanted = { number: this.picked[0] };
      if (this.$refs?.scroll) this.afterLayout();
    },
    copied: (text, words) => navigator.clipboard?.writeText(text).then(() => toast(words), () => toast("This browser does not let the portal copy.", { tone: "bad" })) ?? toast("Browsers copy only on https and on localhost. Select the text instead.", { tone: "bad" }),
    copyLink() { this.copied(location.href, `Copied the link to ${this.pickedWords.toLowerCase()}.`); },
    async copyText() {
      const [first, last] = this.picked;
      if (last - first >= MOST_COPIED) return toast(`At most ${count(MOST_COPIED)} lines are copied. Download the log instead.`, { tone: "bad" });
      const text = [];
      for (let from = first, left = MOST_TEXT; from <= last; ) {
        const answer = await attempt(() => this.store.ask("lines", { from, limit: Math.min(1000, last - from + 1), full: true }));
        if (!answer) return;
        text.push(...answer.items.map((item) => plain(item[5])));
        for (const item of answer.items) left -= item[6];
        if (left < 0) return toast("These lines are too long to be copied. Download the log instead.", { tone: "bad" });
        if (!answer.items.length) break;
        from += answer.items.length;
      }
      this.copied(`${text.join("\n")}\n`, `Copied ${plural(text.length, "line")}.`);
    },
    // --- keys -----------------------------------------------------------------------------------
    // What is behind a full screen is out of reach, also for the keyboard.
    setFull(on) {
      this.full = on;
      document.documentElement.classList.toggle("jp-covered", on);
      for (let one = this.$el.querySelector(".jp-log"); one && one !== document.body; one = one.parentElement) for (const other of one.parentElement.children) if (other !== one && !/^(SCRIPT|STYLE|LINK)$/.test(other.tagName)) other.inert = on;
    },
    onEscape(event) { if (event.key === "Escape" && this.full && !this.needle) this.setFull(false); },
    toStart() { this.following = false; this.$refs.scroll.scrollTop = 0; },
  },
};
