// What is told of one job, and which rules say so.
import { parts, plural } from "jp_format";
import { api } from "jp_core";
import { ruleSaid } from "jp_alerts";

const ORIGINS = { job: "for this job", all: "for every job" };

export default {
  components: parts,
  props: { job: Object },
  template: `
  <section class="jp-alerts" aria-label="Alerts" :aria-busy="!loaded">
    <div v-if="holding.length" class="jp-notice jp-tone--failed"><JpIcon name="bell" /><span><template v-for="(one, index) in holding" :key="one.id">{{ index ? '; ' : '' }}{{ one.title }}, told <JpTime :at="one.since" /></template></span></div>
    <div class="jp-card">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The alerts cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !rules.length" class="jp-empty"><JpIcon name="bell" /><h2>Nobody is told of this job</h2><p>When it fails, this portal shows it and says it to nobody.</p><div class="jp-empty__do"><a class="jp-btn jp-btn--main" :href="'/alerts?job=' + job.id">Add an alert</a></div></div>
      <ul v-else class="jp-calendars"><li v-for="rule in rules" :key="rule.id"><div class="jp-calendars__what"><h2 class="jp-alerts__title">{{ said(rule) }} <span v-if="!rule.is_on" class="jp-chip jp-tone--skipped"><JpIcon name="pause" />Off</span></h2>
        <p class="jp-small jp-muted">{{ origin(rule) }} → {{ names(rule) }}</p></div></li></ul>
      <div v-if="rules.length" class="jp-card__foot"><span>{{ plural(rules.length, 'rule') }}</span><a class="jp-btn jp-btn--small jp-bar__end" :href="'/alerts?job=' + job.id">Add an alert</a></div>
    </div></section>`,
  data: () => ({ rules: [], holding: [], loaded: false, error: "" }),
  created() { this.load(); },
  methods: {
    plural, said: ruleSaid,
    origin: (rule) => ORIGINS[rule.scope] ?? `for scripts in ${rule.folder}`,
    names: (rule) => rule.channels.map((one) => one.name).join(", "),
    async load() {
      try {
        Object.assign(this, await api(`/jobs/${this.job.id}/alerts`), { loaded: true, error: "" });
      } catch (error) { Object.assign(this, { error: error.message, loaded: true }); }
    },
  },
};
