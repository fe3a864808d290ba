// The shell round every page: navigation, health, what a person prefers, toasts, shortcuts.
import { JpIcon, JpRelative, JpTime, local, plural, prefs, screenSize, span, tick, zoneOffset } from "jp_format";
import { api, asking, debounced, dismiss, follow, followHealth, health, isTyping, later, link, me, onKeys, toasts } from "jp_core";
import { controls, heldWords } from "jp_controls";
import { paint, Preferences } from "jp_prefs";
import { toldAll } from "jp_words";

const PAGES = [
  { key: "overview", word: "Overview", href: "/", icon: "home", letter: "o" },
  { key: "jobs", word: "Jobs", href: "/jobs", icon: "list", letter: "j" },
  { key: "runs", word: "Runs", href: "/runs", icon: "play", letter: "r" },
  { key: "week", word: "Week", href: "/week", icon: "week", letter: "w" },
  { key: "calendars", word: "Calendars", href: "/calendars", icon: "calendar", letter: "c", inMore: true },
  { key: "scripts", word: "Scripts", href: "/scripts", icon: "lines", letter: "p", inMore: true },
  { key: "secrets", word: "Secrets", href: "/secrets", icon: "key", letter: "s", inMore: true },
  { key: "alerts", word: "Alerts", href: "/alerts", icon: "bell", letter: "l", inMore: true },
  { key: "activity", word: "Activity", href: "/activity", icon: "clock", letter: "a", inMore: true },
  { key: "executors", word: "Executors", href: "/executors", icon: "server", letter: "e" },
  { key: "settings", word: "Settings", href: "/settings", icon: "sliders", letter: "t", inMore: true },
];

// Found by typing, and below Settings: the sidebar stays as short as it is.
const ACCOUNT = { key: "account", word: "Your account", href: "/account", icon: "person" };
const USERS = { key: "users", word: "Users", href: "/users", icon: "person" };

const KEYS = [
  [["Ctrl", "K"], "Any page, job or action"],
  [["/"], "Search on this page"], [["g", "o"], "Overview"], [["g", "j"], "Jobs"], [["g", "r"], "Runs"], [["g", "w"], "Week"],
  [["g", "c"], "Calendars"], [["g", "p"], "Scripts"], [["g", "s"], "Secrets"], [["g", "l"], "Alerts"], [["g", "a"], "Activity"], [["g", "e"], "Executors"], [["g", "t"], "Settings"], [["n"], "New job"], [["j"], "Next row"], [["k"], "Previous row"], [["x"], "Select a row of the jobs"], [["r"], "Run now, on a job's page"], [["p"], "Pause or resume it"], [["e"], "Edit it"], [["Ctrl", "Enter"], "Save, in the job editor"], [["?"], "This list"],
  [["Enter"], "In a log: the next that is found"], [["Shift", "Enter"], "In a log: the one before"], [["g"], "In a log: its start"], [["Shift", "g"], "In a log: its end"],
  [["f"], "In a log: full screen"], [["w"], "In a log: wrap lines"], [["e"], "In a log: stderr only"],
];

const PILLS = {
  ok: { tone: "succeeded", icon: "check" }, degraded: { tone: "timed_out", icon: "warning" }, down: { tone: "failed", icon: "cross" }, frozen: { tone: "queued", icon: "snow" },
};

const ROLES = { viewer: "Viewer", operator: "Operator", editor: "Editor", admin: "Admin" };

const JpPalette = later(async () => (await import("jp_palette")).JpPalette);
const RunDialog = later(async () => (await import("jp_run")).RunDialog);

export default {
  components: { JpIcon, JpPalette, JpRelative, JpTime, Preferences, RunDialog },
  props: { active: String, user: Object, person: Object, jobs: Number, health: Object, version: String, build: String },
  template: `
  <div class="jp-shell">
    <a class="jp-skip" href="#jp-main" @click.prevent="skip">Skip to the content</a>
    <nav class="jp-side" aria-label="Main">
      <a class="jp-brand" href="/"><span class="jp-brand__mark"><JpIcon name="hands" /></span>Job Trigger Portal</a>
      <button class="jp-find" type="button" aria-haspopup="dialog" @click="$refs.palette.open()"><JpIcon name="search" />Go to…<span class="jp-find__keys" aria-hidden="true"><kbd class="jp-kbd">Ctrl</kbd> <kbd class="jp-kbd">K</kbd></span></button>
      <div class="jp-nav">
        <a v-for="page in pages" :key="page.key" class="jp-nav__item" :href="page.href"
           :aria-current="page.key === active ? 'page' : null">
          <JpIcon :name="page.icon" />{{ page.word }}
          <span v-if="counts[page.key]" class="jp-nav__count" :title="counts[page.key].title">{{ counts[page.key].text }}</span>
        </a>
      </div>
      <div class="jp-side__foot">
        <hr>
        <a class="jp-chip jp-health" :class="'jp-tone--' + pill.tone" href="/executors" :title="pill.say">
          <JpIcon :name="pill.icon" />{{ pill.word }}
        </a>
        <span class="jp-live" :title="liveTitle"><span class="jp-dot" :class="'jp-dot--' + link.state"></span>{{ liveWord }}</span>
        <button class="jp-me" type="button" popovertarget="jp-me" ref="me">
          <JpIcon name="person" />{{ prefs.zone }} · {{ offset }}
        </button>
        <a v-if="user" class="jp-side__note jp-side__who" href="/account" :title="user.name"><span>{{ user.name }}</span> · {{ roles[user.role] }}</a>
      </div>
    </nav>
    <nav class="jp-bottom" aria-label="Main, compact">
      <a v-for="page in pages.filter((page) => !page.inMore)" :key="page.key" class="jp-bottom__item" :href="page.href"
         :aria-current="page.key === active ? 'page' : null"><JpIcon :name="page.icon" />{{ page.word }}</a>
      <button class="jp-bottom__item" type="button" popovertarget="jp-me" :aria-current="isInMore ? 'true' : null">
        <span class="jp-dot jp-bottom__dot" :class="dotTone"></span><JpIcon name="person" />More
      </button>
    </nav>

    <div id="jp-me" class="jp-pop jp-prefs" role="dialog" aria-label="Preferences" popover ref="menu" @toggle="place">
      <p class="jp-prefs__state"><span class="jp-chip" :class="'jp-tone--' + pill.tone"><JpIcon :name="pill.icon" />{{ pill.word }}</span> {{ liveWord }}</p>
      <Preferences name="jp" />
      <hr>
      <a v-for="page in pages.filter((page) => page.inMore)" :key="page.key" class="jp-pop__item jp-prefs__page" :href="page.href"><JpIcon :name="page.icon" />{{ page.word }}</a>
      <button type="button" class="jp-pop__item jp-prefs__page" aria-haspopup="dialog" @click="$refs.menu.hidePopover(); $refs.palette.open()"><JpIcon name="search" />Go to…</button>
      <button type="button" class="jp-pop__item" @click="help"><span class="jp-kbd">?</span>Keyboard shortcuts</button>
      <a v-if="user" class="jp-pop__item" href="/account"><JpIcon name="person" />Your account</a>
      <form v-if="user" class="jp-out" method="post" action="/logout"><button class="jp-pop__item" type="submit"><JpIcon name="power" />Sign out {{ user.name }}</button></form>
      <p class="jp-side__note">Version {{ version }}</p>
    </div>

    <dialog class="jp-dialog" ref="help" aria-labelledby="jp-help-title">
      <div class="jp-dialog__head"><h2 id="jp-help-title">Keyboard shortcuts</h2>
        <button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.help.close()"><JpIcon name="cross" /></button></div>
      <div class="jp-dialog__body"><dl class="jp-keys"><template v-for="[keys, what] in keys" :key="what">
        <dt><kbd v-for="key in keys" :key="key" class="jp-kbd">{{ key }}</kbd></dt><dd>{{ what }}</dd></template></dl></div>
    </dialog>

    <Teleport defer to="#jp-banner">
      <div v-if="link.state === 'lost'" class="jp-banner jp-banner--down" role="alert">
        <JpIcon name="warning" /><span class="jp-banner__text"><strong>The connection to the portal is lost.</strong>
        <span aria-live="off">What you see is {{ age }} old.</span> It is tried again by itself; nothing that runs depends on this page.</span>
      </div>
      <div v-else-if="link.isStale" class="jp-banner" role="status">
        <JpIcon name="warning" /><span class="jp-banner__text"><strong>The portal was updated.</strong> This page is of the version before. What is typed here is kept over the reload.</span>
        <button class="jp-btn jp-btn--small" type="button" @click="renew">Reload</button>
      </div>
      <div v-else-if="state.state !== 'ok'" class="jp-banner" :class="{ 'jp-banner--down': state.state === 'down' }" role="status">
        <JpIcon name="warning" /><span class="jp-banner__text"><strong>{{ state.title }}<template v-if="state.since"> since {{ since }}</template>.</strong> {{ state.sentence }}</span>
        <a v-if="active !== 'executors' && (!state.executors_online || state.unserved.length || state.ailing.length)" class="jp-btn jp-btn--small" href="/executors">Open executors</a>
      </div>
      <div v-if="state.freeze" class="jp-banner jp-banner--frozen" role="status">
        <JpIcon name="snow" /><span class="jp-banner__text"><strong>Everything is frozen until <JpTime :at="state.freeze.until" look="when" />.</strong>
        Frozen {{ frozenBy }}. No run starts; what falls due waits. It ends <JpRelative :at="state.freeze.until" way="in" />.</span>
        <button class="jp-btn jp-btn--small" type="button" @click="lift">Lift the freeze</button>
      </div>
    </Teleport>
    <RunDialog ref="run" /><JpPalette ref="palette" :pages="places" />
    <div class="jp-toasts" role="status" aria-live="polite">
      <div v-for="toast in toasts" :key="toast.id" class="jp-toast" :class="'jp-toast--' + toast.tone">
        <span class="jp-toast__text">{{ toast.text }}</span>
        <a v-if="toast.href" class="jp-toast__do" :href="toast.href">{{ toast.linkText }}</a>
        <button v-if="toast.undo" class="jp-toast__do" type="button" @click="dismiss(toast.id); toast.undo()">Undo</button>
        <button class="jp-toast__close" type="button" aria-label="Dismiss" @click="dismiss(toast.id)"><JpIcon name="cross" /></button>
      </div>
    </div>
  </div>`,
  data: (self) => ({
    asking, prefs, link, toasts, pages: PAGES, keys: KEYS, roles: ROLES,
    jobCount: self.jobs,
  }),
  created() {
    Object.assign(prefs, this.person);
    Object.assign(me, this.user);
    Object.assign(health, toldAll(this.health));
    link.build = this.build;
    paint();
    this.afterG = 0;
    this.stops = [
      followHealth(),
      follow("jobs", debounced(() => this.countJobs(), 300), { load: () => this.countAgain() }),
    ];
    // Also while somebody types: it is pressed with Ctrl.
    this.onPalette = (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) this.$refs.palette.open();
    };
    addEventListener("keydown", this.onPalette);
    this.stops.push(onKeys({
      g: (event) => { this.afterG = event.timeStamp; }, n: () => { location.href = "/jobs/new"; }, "?": () => this.$refs.help.showModal(),
      "/": (event) => { const search = document.querySelector("[data-jp-search]"); if (search) { event.preventDefault(); search.focus(); } },
      j: (event) => this.toRow(event, 1), k: (event) => this.toRow(event, -1),
    }), () => removeEventListener("keydown", this.onPalette));
    addEventListener("keydown", this.onKey, { capture: true });
  },
  beforeUnmount() {
    removeEventListener("keydown", this.onKey, { capture: true });
    this.stops.forEach((stop) => stop());
  },
  // Whoever asks for a run of a job with parameters sets `asking.job`, on whatever page.
  watch: { "asking.job"(job) { if (job) this.$refs.run.open(job); } },
  computed: {
    state: () => health,
    places() { return [...PAGES, ...(this.user ? [ACCOUNT] : []), ...(this.user?.role === "admin" ? [USERS] : [])]; },
    isInMore() { return PAGES.some((page) => page.inMore && page.key === this.active); },
    frozenBy: () => heldWords(health.freeze.by, health.freeze.since),
    // Whoever hears nothing knows nothing: the pill must not go on saying that all is well.
    pill() {
      if (link.state === "lost") return { ...PILLS.down, word: "Connection lost", say: "What is shown may be old" };
      const look = health.freeze && health.state === "ok" ? PILLS.frozen : PILLS[health.state];
      return { ...look, word: health.title, say: health.sentence || health.title };
    },
    dotTone() { return this.link.state !== "live" ? `jp-dot--${this.link.state}` : { ok: "", degraded: "jp-dot--connecting", down: "jp-dot--lost" }[health.state]; },
    counts() {
      const { running, waiting } = health;
      return {
        jobs: this.jobCount != null && { text: this.group(this.jobCount), title: plural(this.jobCount, "job") },
        runs: running + waiting > 0 && { text: this.group(running + waiting), title: `${running} running, ${waiting} waiting` },
        executors: { text: this.group(health.executors_online), title: `${health.executors_online} online` },
      };
    },
    offset: () => zoneOffset(prefs.zone),
    since: () => local(health.since),
    // Counts seconds: who hears the page is told once, not with each.
    age: () => span(tick.now - link.heardAt),
    liveWord() { return { live: `Live · last change ${span(tick.now - link.heardAt, 1)} ago`, connecting: "Connecting…", lost: "Not connected" }[link.state]; },
    liveTitle: () => "Changes arrive here as they happen",
  },
  methods: {
    dismiss, lift: controls.lift,
    group: (value) => String(value ?? 0).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f"),
    // The page came with the number: it is asked for again only after a silence.
    countAgain() { if (this.counted) this.countJobs(); this.counted = true; },
    async countJobs() { this.jobCount = (await api("/jobs?limit=1").catch(() => ({}))).total ?? this.jobCount; },
    place(event) {
      if (event.newState !== "open") return;
      const menu = this.$refs.menu;
      menu.style.left = screenSize.narrow ? "8px" : "10px";
      menu.style.right = screenSize.narrow ? "8px" : "auto";
      menu.style.bottom = screenSize.narrow ? "72px" : "84px";
    },
    renew() { link.isRenewing = true; location.reload(); },
    help() { this.$refs.menu.hidePopover(); this.$refs.help.showModal(); },
    skip() { const main = document.getElementById("jp-main"); main.focus(); main.scrollIntoView(); },
    // The letter after `g` names a page; it means nothing else then.
    onKey(event) {
      const wasG = this.afterG && event.timeStamp - this.afterG < 1500;
      this.afterG = 0;
      const page = wasG && !isTyping(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey && PAGES.find((item) => item.letter === event.key);
      if (!page) return;
      event.preventDefault();
      location.href = page.href;
    },
    // The next or previous row of the list on this page; Enter then opens it.
    toRow(event, way) {
      const marked = [...document.querySelectorAll("#jp-main [data-jp-row]")];
      const rows = marked.length ? marked : [...document.querySelectorAll("#jp-main .jp-table__name[href], #jp-main .jp-cards__name[href]")];
      const at = rows.findIndex((row) => row === document.activeElement || row.closest("tr, li")?.contains(document.activeElement));
      const row = rows[at < 0 ? (way > 0 ? 0 : rows.length - 1) : at + way];
      if (!row) return;
      event.preventDefault();
      row.focus();
    },
  },
};
