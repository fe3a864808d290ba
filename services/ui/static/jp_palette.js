// The command palette: any page, any job, and what can be done to the job at hand, by typing.
import { JpIcon } from "jp_format";
import { api, debounced, jobActions, jobAtHand } from "jp_core";
import { word } from "jp_words";

const MOST_JOBS = 8;
const folded = (text) => text.toLocaleLowerCase();

// A combobox with a list, as the ARIA authoring practices have it: the focus stays in the field.
export const JpPalette = {
  components: { JpIcon },
  props: { pages: Array },
  template: `
  <dialog class="jp-dialog jp-palette" ref="dialog" aria-label="Command palette" @click.self="close" @close="text = ''">
    <div class="jp-palette__field"><JpIcon name="search" /><input ref="field" class="jp-palette__input" type="text" role="combobox" aria-expanded="true" aria-controls="jp-palette-list" aria-autocomplete="list"
      :aria-activedescendant="items.length ? 'jp-palette-' + at : null" aria-label="Search jobs, pages and actions" placeholder="Search jobs, pages and actions" v-model="text" autocomplete="off" spellcheck="false" maxlength="200" @input="typed" @keydown="onKey"></div>
    <ul v-if="items.length" class="jp-palette__list" id="jp-palette-list" role="listbox" aria-label="Found" ref="list">
      <li v-for="(item, index) in items" :key="item.key" :id="'jp-palette-' + index" role="option" :aria-selected="index === at" class="jp-palette__item" @mousemove="at = index" @click="choose(item)">
        <JpIcon :name="item.icon" /><span class="jp-palette__word">{{ item.word }}</span><span class="jp-palette__note">{{ item.note }}</span></li></ul>
    <p v-else class="jp-palette__none" role="status">{{ searching ? 'Searching…' : 'Nothing matches. Jobs are found by name, script, description.' }}</p>
    <p class="jp-palette__foot" aria-hidden="true"><kbd class="jp-kbd">↑</kbd> <kbd class="jp-kbd">↓</kbd> choose <kbd class="jp-kbd">Enter</kbd> open <kbd class="jp-kbd">Ctrl</kbd> <kbd class="jp-kbd">Enter</kbd> run the job now <kbd class="jp-kbd">Esc</kbd> close</p>
  </dialog>`,
  data: () => ({ text: "", at: 0, jobs: [], job: null, searching: false, waiting: null }),
  created() { this.search = debounced(() => this.find(), 120); },
  computed: {
    items() {
      const words = folded(this.text).split(/\s+/).filter(Boolean);
      const matches = (item) => words.every((word) => folded(`${item.word} ${item.note}`).includes(word));
      return [...this.ofJob.filter(matches), ...this.jobs.map((job) => ({ key: job.id, icon: "list", word: job.name, note: job.paused_at ? word("paused") : job.script, href: `/jobs/${job.id}`, job })), ...this.places.filter(matches)];
    },
    // What can be done to the job whose page this is.
    ofJob() {
      const { job } = this;
      if (!job || job.deleted_at) return [];
      const item = (icon, word, more) => ({ key: word, icon, word, note: job.name, ...more });
      return [
        item("play", "Run now", { act: () => jobActions.runNow(job) }),
        job.paused_at ? item("power", "Resume…", { href: `/jobs/${job.id}#resume` }) : item("pause", "Pause", { act: () => jobActions.pause(job) }),
        item("pencil", "Edit", { href: `/jobs/${job.id}/edit` }), item("clock", "Versions", { href: `/jobs/${job.id}?tab=versions` }),
      ];
    },
    places() {
      return [{ key: "new", icon: "plus", word: "New job", note: "", href: "/jobs/new" }, ...this.pages.map((page) => ({ key: page.key, icon: page.icon, word: page.word, note: word("page"), href: page.href }))];
    },
  },
  methods: {
    async open() {
      if (this.$refs.dialog.open) return;
      Object.assign(this, { text: "", at: 0, jobs: [], job: null, searching: true, waiting: null });
      this.$refs.dialog.showModal();
      this.$refs.field.focus();
      const id = jobAtHand();
      this.known = id ? api(`/jobs/${id}`).then((job) => { this.job = job; }, () => {}) : null;
      this.find();
    },
    close() { this.$refs.dialog.close(); },
    typed() { Object.assign(this, { at: 0, searching: true, waiting: null }); this.search(); },
    async find() {
      this.finding?.abort();
      const mine = (this.finding = new AbortController());
      const { text } = this;
      const found = await api(`/jobs?limit=${MOST_JOBS}&q=${encodeURIComponent(text.trim())}`, { signal: mine.signal }).catch(() => null);
      await this.known;
      // Somebody has typed on: what was found belongs to a text that is gone, and the next search is on its way.
      if (mine.signal.aborted || text !== this.text) return;
      Object.assign(this, { jobs: found?.items ?? [], searching: false });
      this.at = Math.min(this.at, Math.max(0, this.items.length - 1));
      if (this.waiting && this.items.length) this.choose(this.items[this.at], this.waiting.runs);
      this.waiting = null;
    },
    onKey(event) {
      const last = this.items.length - 1;
      const to = { ArrowDown: this.at >= last ? 0 : this.at + 1, ArrowUp: this.at <= 0 ? last : this.at - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        this.at = Math.max(0, to);
        this.$nextTick(() => this.$refs.list?.children[this.at]?.scrollIntoView({ block: "nearest" }));
      } else if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        const runs = event.ctrlKey || event.metaKey;
        // What is listed may still be what an earlier text found: Enter waits for what this one finds.
        if (this.searching) this.waiting = { runs };
        else if (this.items[this.at]) this.choose(this.items[this.at], runs);
      }
    },
    choose(item, runs = false) {
      this.close();
      if (runs && item.job) jobActions.runNow(item.job);
      else if (item.act) item.act();
      else location.href = item.href;
    },
  },
};
