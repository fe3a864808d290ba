// Many jobs at once: which are marked, what can be done to them, and what that would do.
import { count, parts, plural } from "jp_format";
import { api, attempt, debounced, toast } from "jp_core";
import { isChinese } from "jp_words";

const ACTIONS = {
  run: { word: "Run now", icon: "play", past: (n) => `Asked for ${plural(n, "run")}.` },
  pause: { word: "Pause", icon: "pause", past: (n) => `Paused ${plural(n, "job")}.`, undo: "resume" },
  resume: { word: "Resume", icon: "power", past: (n) => `Resumed ${plural(n, "job")}.`, undo: "pause" },
  delete: { word: "Delete", icon: "bin", past: (n) => `Deleted ${plural(n, "job")}.`, undo: "restore", isBad: true },
};
// What needs to be told which tag; chosen in a form of its own.
const TAGS = {
  tag: { word: "Add tag", to: " to ", icon: "plus", past: (n) => `Tagged ${plural(n, "job")}.`, undo: "untag" },
  untag: { word: "Remove tag", to: " from ", icon: "cross", past: (n) => `Took the tag from ${plural(n, "job")}.`, undo: "tag" },
};
const OFFERED = Object.entries(ACTIONS);
// So many are deleted without typing how many they are.
const MOST_UNTYPED = 20;

// The rows that are marked: some by their ids, or all that match.
export class Marked {
  constructor() { this.clear(); }
  clear() { Object.assign(this, { ids: new Set(), all: false, last: null }); }
  has(id) { return this.all || this.ids.has(id); }
  // With `range`, everything of `rows` from the row that was marked last to this one becomes as this one.
  toggle(id, rows, range = false) {
    const on = !this.has(id);
    if (this.all) { this.all = false; this.ids = new Set(rows); }
    const [from, to] = [rows.indexOf(this.last), rows.indexOf(id)];
    const touched = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of touched) on ? this.ids.add(one) : this.ids.delete(one);
    this.last = id;
  }
  setPage(rows, on) { this.all = false; for (const id of rows) on ? this.ids.add(id) : this.ids.delete(id); }
}

// What is marked and what can be done: in place of the header row, or above the bottom bar of a phone.
export const BulkBar = {
  components: parts,
  props: { marked: Object, total: Number, more: Boolean },
  emits: ["all", "clear", "wish"],
  template: `
  <div class="jp-bulk" role="toolbar" aria-label="What to do with the selected jobs">
    <span class="jp-bulk__count">{{ said }}</span>
    <button v-if="canAll" class="jp-link" type="button" @click="$emit('all')">Select all {{ more ? 'that match' : count(total) + ' matching' }}</button>
    <span class="jp-bulk__do"><button v-for="[key, one] in offered" :key="key" type="button" class="jp-btn jp-btn--small" :class="{ 'jp-btn--bad': one.isBad }" @click="$emit('wish', key)"><JpIcon :name="one.icon" />{{ one.word }}</button>
      <button type="button" class="jp-btn jp-btn--small" @click="$emit('wish', 'tag')">Tag…</button>
      <button class="jp-btn jp-btn--small" type="button" @click="$emit('clear')">Clear</button></span>
  </div>`,
  data: () => ({ offered: OFFERED }),
  computed: {
    said() { return !this.marked.all ? `${count(this.marked.ids.size)} selected` : this.more ? "All that match are selected" : `All ${count(this.total)} are selected`; },
    canAll() { return !this.marked.all && (this.more || this.total > this.marked.ids.size); },
  },
  methods: { count },
};

// Says what a wish would do and to how many, then does it. `open(action, which)`: `which` are ids or a filter.
export const BulkDialog = {
  components: parts,
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-bulk-title">
    <div class="jp-dialog__head"><h2 id="jp-bulk-title">{{ title }}</h2>
      <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
    <form class="jp-dialog__body" @submit.prevent="act">
      <template v-if="isOfTag">
        <fieldset class="jp-choices"><legend class="jp-clip">Add or remove</legend>
          <label v-for="[key, one] in ofTags" :key="key" class="jp-choice"><input type="radio" name="jp-bulk-tag" :value="key" v-model="action" @change="foresee"><span>{{ one.word }}</span></label></fieldset>
        <div class="jp-field"><label for="jp-bulk-tag">Tag</label><input id="jp-bulk-tag" class="jp-input" v-model="tag" autocomplete="off" autocapitalize="none" spellcheck="false" list="jp-bulk-tags" placeholder="nightly" :aria-invalid="error ? 'true' : null" aria-describedby="jp-bulk-tag-error" @input="typedTag">
          <datalist id="jp-bulk-tags"><option v-for="one in tags" :key="one" :value="one"></option></datalist><span id="jp-bulk-tag-error" class="jp-error">{{ error }}</span></div>
      </template>
      <template v-if="preview">
        <p>{{ what }}</p>
        <p v-for="one in preview.left_out" :key="one.why"><strong>{{ plural(one.count, 'job') }} left out.</strong> {{ one.why }} <span v-if="one.names.length" class="jp-muted jp-bulk__names">{{ named(one) }}</span></p>
        <div v-if="mustType" class="jp-field"><label for="jp-bulk-count">Type {{ preview.would }} to delete that many jobs</label>
          <input id="jp-bulk-count" class="jp-input" inputmode="numeric" autocomplete="off" v-model="typed"></div>
        <div v-if="failed.length" role="alert" class="jp-bulk__failed"><strong>{{ plural(failed.length, 'job') }} could not be changed.</strong>
          <ul><li v-for="one in failed.slice(0, 5)" :key="one.job_id"><a :href="'/jobs/' + one.job_id">{{ names.get(one.job_id) ?? one.job_id }}</a>: {{ one.why }}</li></ul>
          <span v-if="failed.length > 5" class="jp-muted">and {{ count(failed.length - 5) }} more</span></div>
      </template>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">{{ failed.length ? 'Close' : 'Cancel' }}</button>
        <button v-if="preview && !failed.length" class="jp-btn" :class="wish.isBad ? 'jp-btn--danger' : 'jp-btn--main'" type="submit" :disabled="busy || !preview.would || (mustType && typed.trim() !== String(preview.would))"><JpIcon :name="wish.icon" />{{ busy ? 'Working…' : wish.word + (wish.to ?? ' ') + count(preview.would) }}</button></div>
    </form>
  </dialog>`,
  props: { tags: Array },
  data: () => ({ ofTags: Object.entries(TAGS), tag: "", error: "", action: "run", which: null, preview: null, typed: "", busy: false, failed: [], names: new Map() }),
  created() { this.typedTag = debounced(() => this.foresee(), 150); },
  computed: {
    wish() { return ACTIONS[this.action] ?? TAGS[this.action]; },
    isOfTag() { return this.action in TAGS; },
    title() { return this.isOfTag ? "Tag the selected jobs" : this.preview ? `${this.wish.word}${isChinese ? "：" : ": "}${plural(this.preview.count, "job")}` : this.wish.word; },
    mustType() { return this.wish.isBad && this.preview?.would > MOST_UNTYPED; },
    what() {
      const n = plural(this.preview.would, "job");
      if (!this.preview.would) return "Nothing would be done.";
      if (this.action === "run") return `One run of each of ${n} is asked for. They start as their pools, limits and rules allow.`;
      if (this.action === "pause") return `The schedules of ${n} are not followed until you resume them. What runs goes on.`;
      if (this.action === "tag") return `${n} ${this.preview.would === 1 ? "gets" : "get"} the tag ${this.tag}.`;
      if (this.action === "untag") return `The tag ${this.tag} is taken from ${n}.`;
      if (this.action === "resume") return `The schedules of ${n} are followed again. Nothing of the pause is caught up.`;
      return `${n} ${this.preview.would === 1 ? "is" : "are"} deleted, and no further run of them starts. What runs goes on. This can be undone.`;
    },
  },
  methods: {
    count, plural,
    named: (one) => `(${one.names.join(", ")}${one.count > one.names.length ? ", …" : ""})`,
    async open(action, which, names = new Map()) {
      Object.assign(this, { action, which, names, preview: null, typed: "", tag: "", error: "", busy: false, failed: [] });
      if (!this.isOfTag) this.preview = await attempt(() => api("/jobs/bulk/preview", { method: "POST", body: { action, ...which } }), null);
      if (this.preview || this.isOfTag) this.$nextTick(() => this.$refs.dialog.showModal());
    },
    told() { return { action: this.action, ...(this.isOfTag ? { tag: this.tag.trim().toLowerCase() } : {}) }; },
    async foresee() {
      Object.assign(this, { preview: null, error: "" });
      const asked = JSON.stringify(this.told());
      if (!this.tag.trim()) return;
      const answer = await api("/jobs/bulk/preview", { method: "POST", body: { ...this.told(), ...this.which } }).catch((error) => ({ error: error.message }));
      if (asked !== JSON.stringify(this.told())) return;
      if (answer.error) this.error = answer.error;
      else this.preview = answer;
    },
    close() { this.$refs.dialog.close(); },
    async act() {
      this.busy = true;
      const { wish } = this;
      const wanted = this.told();
      const body = { ...wanted, ...this.which, expected: this.preview.count, seen: this.preview.seen };
      const told = await attempt(() => api("/jobs/bulk", { method: "POST", body }), null);
      this.busy = false;
      if (told?.failed.length) this.failed = told.failed;
      else this.close();
      if (!told) return;
      const undo = wish.undo && (() => this.undo({ ...wanted, action: wish.undo, ids: told.done }));
      if (told.done.length) toast(wish.past(told.done.length), { undo, forMs: 12_000 });
      this.$emit("done");
    },
    undo: (body) => attempt(async () => {
      const told = await api("/jobs/bulk", { method: "POST", body });
      const kept = told.failed.length ? ` ${plural(told.failed.length, "job")} could not be: ${told.failed[0].why}` : "";
      toast(`Undone for ${plural(told.done.length, "job")}.${kept}`, { tone: kept ? "bad" : "ok" });
    }),
  },
};

const RUNS = {
  rerun: { word: "Run again", icon: "play", past: (n) => `Asked for ${plural(n, "run")}.`, what: (n) => `${plural(n, "new run")} with the same arguments ${n === 1 ? "is" : "are"} asked for, the oldest first. They start as their pools, limits and rules allow.` },
  cancel: { word: "Cancel", icon: "ban", isBad: true, past: (n) => `Cancelling ${plural(n, "run")}.`, what: (n) => `${plural(n, "run")} that ${n === 1 ? "waits never starts" : "wait never start"}. Later runs of the jobs are not touched.` },
};

// The same for all runs of a filter. `open(action, filter)`.
export const RunsDialog = {
  components: parts,
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-manyruns-title">
    <div class="jp-dialog__head"><h2 id="jp-manyruns-title">{{ wish.word }}: {{ plural(preview?.count ?? 0, 'run') }}</h2>
      <button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
    <form v-if="preview" class="jp-dialog__body" @submit.prevent="act">
      <p>{{ preview.would ? wish.what(preview.would) : 'Nothing would be done.' }}</p>
      <p v-for="one in preview.left_out" :key="one.why"><strong>{{ plural(one.count, 'run') }} left out.</strong> {{ one.why }} <span class="jp-muted jp-bulk__names">({{ one.names.join(', ') }}{{ one.count > one.names.length ? ', …' : '' }})</span></p>
      <div v-if="mustType" class="jp-field"><label for="jp-manyruns-count">Type {{ preview.would }} to cancel that many runs</label><input id="jp-manyruns-count" class="jp-input" inputmode="numeric" autocomplete="off" v-model="typed"></div>
      <div v-if="failed.length" role="alert" class="jp-bulk__failed"><strong>{{ plural(failed.length, 'run') }} could not be asked for.</strong><ul><li v-for="one in failed.slice(0, 5)" :key="one.run_id"><a :href="'/runs/' + one.run_id">This run</a>: {{ one.why }}</li></ul></div>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="close">Close</button>
        <button v-if="!failed.length" class="jp-btn" :class="wish.isBad ? 'jp-btn--danger' : 'jp-btn--main'" type="submit" :disabled="busy || !preview.would || (mustType && typed.trim() !== String(preview.would))"><JpIcon :name="wish.icon" />{{ wish.word }} {{ count(preview.would) }}</button></div>
    </form>
  </dialog>`,
  data: () => ({ action: "rerun", filter: null, preview: null, typed: "", busy: false, failed: [] }),
  computed: {
    wish() { return RUNS[this.action]; },
    mustType() { return this.wish.isBad && this.preview.would > MOST_UNTYPED; },
  },
  methods: {
    count, plural,
    async open(action, filter) {
      Object.assign(this, { action, filter, typed: "", busy: false, failed: [] });
      this.preview = await attempt(() => api("/runs/bulk/preview", { method: "POST", body: { action, filter } }), null);
      if (this.preview) this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    async act() {
      this.busy = true;
      const told = await attempt(() => api("/runs/bulk", { method: "POST", body: { action: this.action, filter: this.filter, expected: this.preview.count, seen: this.preview.seen } }), null);
      this.busy = false;
      if (told?.failed.length) this.failed = told.failed;
      else this.close();
      if (!told) return;
      if (told.done) toast(this.wish.past(told.done));
      this.$emit("done");
    },
  },
};
