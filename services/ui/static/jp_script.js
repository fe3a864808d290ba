// Which version of a script ran: its hash in short, what changed since, and accepting another version.
import { parts, plural } from "jp_format";
import { api, attempt, toast } from "jp_core";
import { toldAll } from "jp_words";

export const shortHash = (sha256) => (sha256 ? sha256.slice(0, 12) : "");

const SIGNS = { added: "+", removed: "−", same: " ", gap: "⋯" };

// What is different between two versions: signs say it, colours repeat it. Every text is a text node.
export const JpChange = {
  components: parts,
  props: { change: Object, words: String, inner: Boolean },
  template: `
  <details class="jp-change" :class="inner ? 'jp-change--inner' : 'jp-card'"><summary class="jp-change__head"><JpIcon name="chevron" /><span class="jp-label">{{ words }}</span>
      <span class="jp-hint"><template v-if="inner"></template><template v-else-if="change.since.run_id">since the last run that succeeded, <JpTime :at="change.since.at" /></template><template v-else>since it was saved <JpTime :at="change.since.at" /></template><template v-if="tally">{{ inner ? '' : ' · ' }}{{ tally }}</template></span></summary>
    <p class="jp-change__versions jp-small jp-muted"><template v-if="change.since.run_id"><a class="jp-link" :href="'/runs/' + change.since.run_id">run #{{ change.since.run_number }}</a> </template><span class="jp-mono" :title="change.since.sha256">{{ shortHash(change.since.sha256) }}</span> → <span class="jp-mono" :title="change.sha256">{{ shortHash(change.sha256) }}</span></p>
    <p v-if="change.diff.problem" class="jp-change__note jp-muted">{{ change.diff.problem }}</p>
    <div v-else class="jp-diff" role="region" aria-label="What changed" tabindex="0"><div class="jp-diff__lines">
      <component :is="tags[line.kind]" v-for="(line, index) in change.diff.lines" :key="index" class="jp-diff__line" :class="'jp-diff__line--' + line.kind"><span class="jp-diff__at" aria-hidden="true">{{ line.old }}</span><span class="jp-diff__at" aria-hidden="true">{{ line.new }}</span><span class="jp-diff__sign">{{ signs[line.kind] }}</span><span class="jp-diff__text">{{ line.text }}</span></component></div></div>
    <p v-if="change.diff.cut" class="jp-change__note jp-muted">There is more: only the first {{ change.diff.lines.length }} lines of it are shown.</p>
  </details>`,
  data: () => ({ signs: SIGNS, tags: { added: "ins", removed: "del", same: "div", gap: "div" } }),
  computed: {
    tally() {
      const { added, removed } = this.change.diff;
      return [added && `${plural(added, "line")} added`, removed && `${plural(removed, "line")} removed`].filter(Boolean).join(", ");
    },
  },
  methods: { shortHash },
};

// On the Job page: what is wrong with its script, what changed in it, and of a pinned one the way to accept it.
export const JpScriptState = {
  components: { ...parts, JpChange },
  props: { job: Object, first: Object },
  emits: ["changed", "judged"],
  template: `
  <div v-if="now && !job.deleted_at">
    <div v-if="refused" class="jp-notice jp-tone--failed jp-pinned"><JpIcon name="warning" /><span>{{ refused }}</span>
      <button v-if="now.sha256" class="jp-btn jp-btn--small" type="button" :disabled="busy" @click="accept">Accept the new script</button></div>
    <JpChange v-if="now.change" :change="now.change" words="The script has changed" /></div>`,
  data: (self) => ({ now: toldAll(self.first), busy: false }),
  computed: {
    isRefused() { return Boolean(this.now) && this.job.pinning === "strict" && this.now.sha256 !== this.job.pinned_sha256; },
    refused() {
      const { now } = this;
      if (now?.problem) return now.problem;
      return this.isRefused ? `${now.name} is not the version that was saved. Its runs fail, and nothing is started, until somebody accepts it.` : "";
    },
  },
  watch: { isRefused: { immediate: true, handler(it) { this.$emit("judged", it); } } },
  // What its disk did not give in time comes later.
  created() { if (!this.first) this.load(); },
  methods: {
    async load() { this.now = await api(`/jobs/${this.job.id}/script`).catch(() => this.now); },
    async accept() {
      this.busy = true;
      const job = await attempt(() => api(`/jobs/${this.job.id}/accept-script`, { method: "POST", body: { sha256: this.now.sha256 } }), null);
      this.busy = false;
      if (job) {
        this.$emit("changed", job);
        toast("Accepted. Runs that start from now on use the new script.");
      }
      await this.load();
    },
  },
};
