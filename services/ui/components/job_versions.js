// The versions of a job: who changed what, when, and the way back.
import { parts } from "jp_format";
import { api, follow, toast } from "jp_core";
import { DEEDS, JpChanges, byWhom, deedIcon } from "jp_history";

export default {
  components: { ...parts, JpChanges },
  props: { job: Object },
  template: `
  <section aria-label="Versions">
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The versions cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load()">Try again</button></div>
      <div v-else-if="loaded && !items.length" class="jp-empty"><JpIcon name="clock" /><h2>No versions yet</h2><p>This job is older than its history. Its next change begins it, with how the job is now.</p></div>
      <ol v-else class="jp-deeds">
        <li v-for="one in items" :key="one.version" :id="'v' + one.version">
          <span class="jp-deeds__icon" aria-hidden="true"><JpIcon :name="icon(one.kind)" /></span>
          <div class="jp-deeds__what">
            <p><strong>Version {{ one.version }}</strong> <span>{{ deedOf(one) }}</span> <span class="jp-deeds__by jp-muted jp-small"><template v-if="one.kind !== 'job-known'">by {{ by(one.by) }}, </template><JpTime :at="one.at" /></span>
              {{ ' ' }}<span v-if="one.version === current" class="jp-chip jp-tone--succeeded">Now</span></p>
            <JpChanges v-if="one.changes.length" :changes="one.changes" />
            <p v-else-if="one.kind === 'job-edited'" class="jp-muted jp-small">Saved without a change.</p>
          </div>
          <button v-if="one.is_definition && one.version !== current && !isDeleted" class="jp-btn jp-btn--small jp-deeds__do" type="button" @click="ask(one)">Go back to version {{ one.version }}</button>
        </li>
      </ol>
      <div v-if="next" class="jp-card__foot"><span></span><button class="jp-btn jp-btn--small jp-bar__end" type="button" @click="more">Show older ones</button></div>
    </div>
    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-back-title"><template v-if="chosen">
      <div class="jp-dialog__head"><h2 id="jp-back-title">Go back to version {{ chosen.version }}?</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
      <div class="jp-dialog__body">
        <p v-if="since && since.length">The job becomes what it was then. That is a new version, so this can be taken back, too. What changes:</p>
        <p v-else-if="since">The job is just as it was then: nothing would change.</p>
        <JpChanges v-if="since && since.length" :changes="since" />
        <p v-if="problem" class="jp-error" role="alert"><JpIcon name="warning" />{{ problem }}</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button>
        <button class="jp-btn jp-btn--main" type="button" :disabled="busy || !since || !since.length" @click="goBack">Go back</button></div>
      </div>
    </template></dialog>
  </section>`,
  data: (self) => ({ items: [], next: null, loaded: false, error: "", chosen: null, since: null, problem: "", busy: false, shown: null, current: self.job.version, isDeleted: Boolean(self.job.deleted_at) }),
  created() { this.stop = follow("jobs", (items) => this.onJobs(items), { load: () => this.load() }); },
  beforeUnmount() { this.stop(); },
  methods: {
    icon: deedIcon, by: byWhom,
    deedOf: (one) => [DEEDS[one.kind] ?? one.kind, one.detail].filter(Boolean).join(" "),
    path(rest) { return `/jobs/${this.job.id}/${rest}`; },
    async load() {
      try {
        const [page, job] = await Promise.all([api(this.path("versions")), api(`/jobs/${this.job.id}`)]);
        Object.assign(this, { items: page.items, next: page.next, loaded: true, error: "", current: job.version, isDeleted: Boolean(job.deleted_at) });
      } catch (error) { this.error = error.message; }
    },
    onJobs(items) { if (items.some((one) => one.id === this.job.id)) this.load(); },
    async more() {
      const page = await api(this.path(`versions?after=${this.next}`)).catch((error) => { this.error = error.message; });
      if (page) Object.assign(this, { items: [...this.items, ...page.items], next: page.next });
    },
    async ask(one) {
      this.chosen = one;
      this.problem = "";
      await this.$nextTick();
      this.$refs.dialog.showModal();
      await this.foresee();
    },
    async foresee() {
      this.since = null;
      try {
        // The version before what changed since: who is faster than both is then noticed, and not overwritten.
        this.shown = (await api(`/jobs/${this.job.id}`)).version;
        // What the way back changes is what changed since, read the other way round.
        const since = await api(this.path(`changes?since=${this.chosen.version}`));
        this.since = since.map((it) => ({ field: it.field, before: it.after, after: it.before, was: it.is, is: it.was }));
      } catch (error) { this.problem = error.message; }
    },
    async goBack() {
      Object.assign(this, { busy: true, problem: "" });
      try {
        await api(this.path(`versions/${this.chosen.version}/restore`), { method: "POST", body: { version: this.shown } });
        this.$refs.dialog.close();
        toast(`The job is what it was at version ${this.chosen.version}.`);
        await this.load();
      } catch (error) {
        if (error.status === 409) await this.foresee();
        this.problem ||= error.message;
      }
      this.busy = false;
    },
  },
};
