// The jobs list: search, filters, paging, live last runs, and what can be done to a row.
import { ago, count, duration, NO_NEXT, parts, plural, screenSize, tick } from "jp_format";
import { api, cannotDo, debounced, follow, fromUrl, jobActions, later, openUnder, query, rememberInUrl } from "jp_core";
import { BulkBar, BulkDialog, Marked } from "jp_bulk";
import { ViewChips } from "jp_views";
import { isChinese, word } from "jp_words";

const LIMIT = 50;
const FILTERS = [["", "All"], ["failing", "Failing"], ["running", "Running"], ["active", "Scheduled"], ["paused", "Paused"]];
const SORTS = { name: "Job", next: "Next run", last: "Ran" };

const ResumeDialog = later(async () => (await import("jp_dialogs")).ResumeDialog);
const lastEnded = (job) => job.recent.findLast((run) => run.finished_at) ?? null;

export default {
  components: { ...parts, BulkBar, BulkDialog, ResumeDialog, ViewChips },
  template: `
  <div :class="{ 'jp-above-bulk': screen.narrow && selecting && anyMarked }">
    <div class="jp-bar" role="search">
      <div class="jp-bar__search">
        <JpIcon name="search" />
        <input class="jp-input" type="search" data-jp-search aria-label="Search jobs" placeholder="Search name, script, description, tags"
               v-model="q" autocomplete="off" spellcheck="false" @input="typed" @keydown.esc="clear">
      </div>
      <div class="jp-filters" role="group" aria-label="Filter">
        <button v-for="[key, word] in filters" :key="key" type="button" class="jp-filter" :aria-pressed="state === key"
                @click="choose(key)">{{ word }}</button>
        <button v-for="one in tags" :key="one" type="button" class="jp-filter jp-filter--tag" aria-pressed="true" :aria-label="'Only jobs with the tag ' + one + '. Remove this filter'" @click="filterBy(one)">#{{ one }}<JpIcon name="cross" /></button></div>
      <select v-if="otherTags.length" class="jp-select jp-bar__select" aria-label="Filter by tag" @change="filterBy($event.target.value); $event.target.value = ''">
        <option value="">{{ tags.length ? 'And tag…' : 'Any tag' }}</option><option v-for="one in otherTags" :key="one" :value="one">{{ one }}</option></select>
      <button v-if="screen.narrow && loaded && jobs.length" type="button" class="jp-filter" :aria-pressed="selecting" @click="selecting = !selecting; marked.clear()">Select</button>
      <button v-if="!view && asksSomething" type="button" class="jp-filter jp-bar__end" @click="$refs.views.open(null)"><JpIcon name="plus" />Save view</button>
      <span v-else-if="!tags.length" class="jp-bar__end jp-small jp-muted jp-wide"><kbd class="jp-kbd">/</kbd> search <kbd class="jp-kbd">n</kbd> new job <kbd class="jp-kbd">?</kbd> all keys</span>
    </div>
    <ViewChips ref="views" :asked="asked" :shown="view" @choose="showView" />
    <p class="jp-clip" aria-live="polite">{{ loaded ? summary : '' }}</p>

    <div class="jp-card" :aria-busy="!loaded" @pointerenter="hovered = $event.pointerType === 'mouse'" @pointerleave="hovered = false">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The jobs cannot be shown</h2><p>{{ error }}</p>
        <button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !jobs.length && filtered" class="jp-empty"><JpIcon name="search" /><h2>No job matches</h2>
        <p>Shown are {{ filterWords }}.</p><button class="jp-btn" type="button" @click="clear">Clear the filters</button></div>
      <div v-else-if="loaded && !jobs.length" class="jp-empty"><JpIcon name="list" /><h2>No jobs yet</h2>
        <p>A job is a script from the scripts folder with a schedule. Make one and it runs at its time.</p>
        <div class="jp-empty__do"><a class="jp-btn jp-btn--main" href="/jobs/new">New job</a></div></div>

      <ul v-else-if="screen.narrow && !loaded" class="jp-cards" aria-hidden="true"><li v-for="row in 6" :key="row" class="jp-ghostcard"></li></ul>
      <ul v-else-if="screen.narrow" class="jp-cards">
        <li v-for="job in jobs" :key="job.id">
          <label v-if="selecting" class="jp-cards__mark"><input type="checkbox" class="jp-mark" :checked="marked.has(job.id)" @click="mark(job, $event)"><span class="jp-cards__name">{{ job.name }}</span></label>
          <a v-else class="jp-cards__name" :href="'/jobs/' + job.id">{{ job.name }}</a>
          <button class="jp-iconbtn" type="button" :aria-label="'Actions for ' + job.name" aria-haspopup="true" @click="openMenu(job, $event)"><JpIcon name="more" /></button>
          <span class="jp-cards__line"><JpChip v-if="job.last_run" :state="job.last_run.state" /><span v-else>Never ran</span>
            <span v-if="job.paused_at">Paused</span><JpRelative v-else-if="job.next_due_at" :at="job.next_due_at" way="in" /><span v-else>{{ noNext(job).word }}</span></span>
          <span v-if="job.tags.length" class="jp-cards__line jp-cards__tags">{{ job.tags.map((one) => '#' + one).join(' ') }}</span>
        </li>
      </ul>
      <div v-else class="jp-scroll">
        <table class="jp-table">
          <caption class="jp-clip">Jobs</caption>
          <thead v-if="anyMarked"><tr><th colspan="9" class="jp-bulk__cell"><span class="jp-bulk__row"><label class="jp-markbox"><input type="checkbox" class="jp-mark" aria-label="Select this page" :checked="wholePage" :indeterminate="!wholePage" @click="markPage"></label>
            <BulkBar v-bind="{ marked, total, more }" @all="marked.all = true" @clear="marked.clear()" @wish="wish" /></span></th></tr></thead>
          <thead v-else><tr>
            <th scope="col" class="jp-table__mark"><label class="jp-markbox"><input type="checkbox" class="jp-mark" aria-label="Select this page" @click="markPage"></label></th>
            <th scope="col" class="jp-table__grow" :aria-sort="sort === 'name' ? 'ascending' : null"><button class="jp-table__sort" type="button" @click="order('name')">Job<JpIcon v-if="sort === 'name'" name="up" /></button></th>
            <th scope="col">Last run</th><th scope="col">Last 20 runs</th><th scope="col">Schedule</th>
            <th scope="col" :aria-sort="sort === 'next' ? 'ascending' : null"><button class="jp-table__sort" type="button" @click="order('next')">Next run<JpIcon v-if="sort === 'next'" name="up" /></button></th>
            <th scope="col" :aria-sort="sort === 'last' ? 'descending' : null"><button class="jp-table__sort" type="button" @click="order('last')">Ran<JpIcon v-if="sort === 'last'" name="down" /></button></th>
            <th scope="col" class="jp-num">Duration</th><th scope="col"><span class="jp-clip">Actions</span></th>
          </tr></thead>
          <tbody v-if="loaded">
            <tr v-for="job in jobs" :key="job.id" :class="{ 'jp-row--marked': marked.has(job.id) }" :data-job="job.id">
              <td class="jp-table__mark"><label class="jp-markbox"><input type="checkbox" class="jp-mark" :aria-label="'Select ' + job.name" :checked="marked.has(job.id)" @click="mark(job, $event)"></label></td>
              <td class="jp-table__grow"><a class="jp-table__name" :href="'/jobs/' + job.id" :title="job.name">{{ job.name }}</a><span class="jp-table__sub">{{ job.script }}<button v-for="one in job.tags" :key="one" type="button" class="jp-tag" :title="'Only jobs with the tag ' + one" @click="filterBy(one, true)">#{{ one }}</button></span></td>
              <td><a v-if="job.last_run" :href="'/runs/' + job.last_run.id"><JpChip :state="job.last_run.state" /></a><span v-else class="jp-muted">Never ran</span></td>
              <td><JpStrip :runs="job.recent" /></td>
              <td class="jp-table__rule" :title="job.schedule_text"><span class="jp-lines2">{{ job.schedule_text }}</span></td>
              <td><span v-if="job.paused_at" class="jp-muted" :title="'Paused ' + ago(job.paused_at, tick.now)">Paused</span><JpRelative v-else-if="job.next_due_at" :at="job.next_due_at" way="in" /><span v-else class="jp-muted" :title="noNext(job).text">{{ noNext(job).isSaid ? '–' : noNext(job).word }}</span></td>
              <td><JpRelative :at="ended(job)?.finished_at" /></td>
              <td class="jp-num" :class="{ 'jp-muted': ended(job)?.duration_ms == null }">{{ duration(ended(job)?.duration_ms) }}</td>
              <td class="jp-table__do">
                <button class="jp-iconbtn" type="button" :aria-label="'Run ' + job.name + ' now'" title="Run now" @click="act.runNow(job)"><JpIcon name="play" /></button>
                <button class="jp-iconbtn" type="button" :aria-label="'Actions for ' + job.name" title="Actions" aria-haspopup="true" @click="openMenu(job, $event)"><JpIcon name="more" /></button>
              </td>
            </tr>
          </tbody>
          <tbody v-else><tr v-for="row in 6" :key="row" class="jp-ghostrow"><td v-for="width in [16, 160, 72, 119, 110, 60, 60, 40, 40]" :key="width"><span :style="{ width: width + 'px' }"></span></td></tr></tbody>
        </table>
      </div>
      <div v-if="waiting.size" class="jp-fresh" role="status"><button class="jp-fresh__pill" type="button" @click="load">{{ plural(waiting.size, 'change') }} · Update order</button></div>
      <div v-if="loaded && (next || before.length)" class="jp-card__foot"><span>{{ summary }}</span>
        <span class="jp-bar__end"><button class="jp-btn jp-btn--small" type="button" :disabled="!before.length" @click="turn(-1)">Previous</button>
        <button class="jp-btn jp-btn--small" type="button" :disabled="!next" @click="turn(1)">Next</button></span></div>
    </div>

    <div class="jp-pop" popover ref="menu"><template v-if="chosen">
      <button class="jp-pop__item" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="doing(act.runNow)"><JpIcon name="play" />Run now</button>
      <button v-if="chosen.paused_at" class="jp-pop__item" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="doing((job) => $refs.resume.open(job))"><JpIcon name="power" />Resume</button>
      <button v-else class="jp-pop__item" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="doing(act.pause)"><JpIcon name="pause" />Pause</button>
      <a v-if="!cannot.edit" class="jp-pop__item" :href="'/jobs/' + chosen.id + '/edit'"><JpIcon name="pencil" />Edit</a>
      <hr><button class="jp-pop__item jp-pop__item--bad" type="button" :disabled="Boolean(cannot.edit)" :title="cannot.edit" @click="doing((job) => act.remove(job, load))"><JpIcon name="bin" />Delete</button>
    </template></div>
    <BulkBar v-if="screen.narrow && selecting && anyMarked" class="jp-bulk--foot" v-bind="{ marked, total, more }" @all="marked.all = true" @clear="marked.clear()" @wish="wish" />
    <ResumeDialog ref="resume" @done="load" /><BulkDialog ref="bulk" :tags="known" @done="acted" />
  </div>`,
  data: () => ({
    tick, screen: screenSize, filters: FILTERS, act: jobActions,
    q: fromUrl("q"), state: fromUrl("state"), tags: fromUrl("tag").split(",").filter(Boolean), known: [], sort: fromUrl("sort", "name"), view: fromUrl("view"), finding: Boolean(fromUrl("view")), after: fromUrl("after"),
    before: [], jobs: [], next: null, total: null, more: false, loaded: false, error: "", chosen: null, marked: new Marked(), selecting: false, hovered: false, waiting: new Set(),
  }),
  created() {
    this.loadTags();
    this.typed = debounced(() => this.restart(), 150);
    this.reload = debounced(() => !this.isHeld && this.load(), 250);
    this.stop = follow(["runs", "jobs"], (items, topic) => (topic === "runs" ? this.onRuns(items) : this.onJobs(items)), { load: this.load });
  },
  mounted() {
    addEventListener("keydown", this.onKey);
    if (this.view) this.$refs.views.find(this.view).then((view) => { this.finding = false; view ? this.showView(view) : this.restart(); });
  },
  beforeUnmount() { removeEventListener("keydown", this.onKey); this.stop(); },
  computed: {
    // What the list is asked, as a view keeps it.
    asked() {
      const { q, state, sort } = this;
      return Object.fromEntries(Object.entries({ q: q.trim(), state, tag: this.tags.join(), sort: sort === "name" ? "" : sort }).filter(([, value]) => value));
    },
    asksSomething() { return Object.keys(this.asked).length > 0; },
    cannot() { return cannotDo(this.chosen); },
    pageIds() { return this.jobs.map((job) => job.id); },
    // While somebody points at a row, or has marked some, none moves: what changed waits until they ask for it.
    isHeld() { return this.hovered || this.anyMarked; },
    anyMarked() { return this.marked.all || this.marked.ids.size > 0; },
    wholePage() { return this.jobs.length > 0 && this.pageIds.every((id) => this.marked.has(id)); },
    filtered() { return Boolean(this.q || this.state || this.tags.length); },
    otherTags() { return this.known.filter((one) => !this.tags.includes(one)); },
    filterWords() {
      const which = FILTERS.find(([key]) => key === this.state)?.[1].toLowerCase() ?? this.state;
      return [this.state ? `${which} jobs` : word("jobs"), this.tags.length && `with the tag ${this.tags.join(" and ")}`, this.q && `that hold “${this.q}”`].filter(Boolean).join(isChinese ? "，" : " ");
    },
    summary() { return this.total == null ? `${count(this.jobs.length)} jobs on this page` : this.more ? `${count(this.total)}+ jobs` : plural(this.total, "job"); },
  },
  watch: { isHeld(is) { if (!is && this.waiting.size) this.load(); } },
  methods: {
    ago, duration, plural, ended: lastEnded,
    noNext: (job) => NO_NEXT[job.no_next] ?? { word: "–", text: "" },
    async load() {
      if (this.finding) return; // what the address names is not known yet
      this.loading?.abort();
      const mine = (this.loading = new AbortController());
      try {
        const { q, state, sort, after } = this;
        const page = await api(`/jobs${query({ q, state, tag: this.tags.join(), sort, after, limit: LIMIT })}`, { signal: mine.signal });
        Object.assign(this, { jobs: page.items, next: page.next, total: page.total, more: page.more, loaded: true, error: "" });
        this.waiting.clear();
      } catch (error) {
        if (error.name !== "AbortError") this.error = error.message;
      }
    },
    mark(job, event) { this.marked.toggle(job.id, this.pageIds, event.shiftKey); },
    markPage(event) {
      this.marked.setPage(this.pageIds, event.target.checked);
      this.$nextTick(() => this.$el.querySelector("thead .jp-mark")?.focus()); // the other header has its place
    },
    wish(action) {
      const which = this.marked.all ? { filter: { q: this.q, tags: this.tags, ...(this.state ? { state: this.state } : {}) } } : { ids: [...this.marked.ids] };
      this.$refs.bulk.open(action, which, new Map(this.jobs.map((job) => [job.id, job.name])));
    },
    acted() { this.marked.clear(); this.selecting = false; this.load(); this.loadTags(); },
    // x marks the row that the focus or the pointer is in.
    onKey(event) {
      if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not(.jp-mark), textarea, select, dialog[open]")) return;
      const row = document.activeElement?.closest?.("tr[data-job]") ?? this.$el.querySelector("tr[data-job]:hover");
      if (row) this.marked.toggle(row.dataset.job, this.pageIds);
    },
    showView(view) {
      const { q = "", state = "", tag = "", sort = "name" } = view.question;
      Object.assign(this, { q, state, sort, tags: tag.split(",").filter(Boolean) });
      this.restart(view.id);
    },
    // What is asked otherwise than a view asks it is that view no more.
    restart(view = "") {
      Object.assign(this, { view, after: "", before: [] });
      this.marked.clear();
      this.show();
    },
    show() {
      const { q, state, sort, after } = this;
      rememberInUrl(this.view ? { view: this.view, after } : { q, state, tag: this.tags.join(), sort: sort === "name" ? "" : sort, after });
      return this.load();
    },
    choose(key) { this.state = key; this.restart(); },
    order(key) { this.sort = key in SORTS ? key : "name"; this.restart(); },
    clear() { Object.assign(this, { q: "", state: "", tags: [] }); this.restart(); },
    // Of a row, a tag is only ever added; in the bar it comes and goes.
    filterBy(tag, only = false) {
      const had = this.tags.includes(tag);
      if (!tag || (had && only)) return;
      this.tags = had ? this.tags.filter((one) => one !== tag) : [...this.tags, tag];
      this.restart();
    },
    loadTags() { api("/jobs/tags").then((answer) => (this.known = answer.items), () => {}); },
    turn(way) {
      if (way > 0) { this.before.push(this.after); this.after = this.next; } else this.after = this.before.pop();
      this.show().then(() => scrollTo(0, 0));
    },
    openMenu(job, event) { this.chosen = job; const button = event.currentTarget; this.$nextTick(() => openUnder(this.$refs.menu, button)); },
    async doing(action) { this.$refs.menu.hidePopover(); await action(this.chosen); this.load(); },
    stir(id) { if (this.isHeld) this.waiting.add(id); else this.reload(); },
    onRuns(items) {
      const byId = new Map(this.jobs.map((job) => [job.id, job]));
      for (const item of items) {
        const job = byId.get(item.job_id);
        if (job) this.takeRun(job, item);
      }
      // Under a filter by state, rows come and go with their runs.
      if (this.state === "running" || this.state === "failing") items.forEach((item) => this.stir(item.job_id));
    },
    onJobs(items) {
      for (const item of items) {
        const at = this.jobs.findIndex((job) => job.id === item.id);
        if (at >= 0 && !item.deleted_at && !this.filtered) this.jobs[at] = item;
        else this.stir(item.id);
      }
    },
    takeRun(job, run) {
      const at = job.recent.findIndex((known) => known.id === run.id);
      if (at >= 0) job.recent[at] = run;
      else job.recent = [...job.recent, run].slice(-20);
      if (!job.last_run || run.id === job.last_run.id || run.number > job.last_run.number) job.last_run = run;
      if (run.next_due_at !== undefined) job.next_due_at = run.next_due_at;
      // Why nothing is due any more is not said by a run.
      if (run.next_due_at === null && !job.no_next) this.stir(job.id);
    },
  },
};
