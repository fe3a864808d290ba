// What people did, newest first; a deletion can be undone from here.
import { local, parts } from "jp_format";
import { api, attempt, fromUrl, query, toast } from "jp_core";
import { DEEDS, byWhom, deedIcon, fieldWord } from "jp_history";

const PLACES = { calendar: "/calendars", secret: "/secrets", script: "/scripts", limit: "/executors#limits", pool: "/executors", executor: "/executors", freeze: "/executors" };

export default {
  components: parts,
  template: `
  <div>
    <div v-if="job" class="jp-bar"><div class="jp-filters"><a class="jp-filter" href="/activity">One job only<JpIcon name="cross" /></a></div></div>
    <div class="jp-card" :aria-busy="!loaded && !error">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>What people did cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load()">Try again</button></div>
      <div v-else-if="loaded && !items.length" class="jp-empty"><JpIcon name="clock" /><h2>Nothing yet</h2><p>What people create, change, pause and delete appears here, with who did it and when.</p></div>
      <ol v-else class="jp-deeds">
        <template v-for="(one, index) in items" :key="one.id">
        <li v-if="dayOf(one) !== dayOf(items[index - 1])" class="jp-deeds__day"><JpTime :at="one.at" look="day" /></li>
        <li>
          <span class="jp-deeds__icon" aria-hidden="true"><JpIcon :name="icon(one.kind)" /></span>
          <div class="jp-deeds__what"><p><strong><a v-if="!one.subject && place(one)" class="jp-link" :href="place(one)">{{ deeds[one.kind] ?? one.kind }}</a><template v-else>{{ deeds[one.kind] ?? one.kind }}</template></strong> <a v-if="one.subject && place(one)" class="jp-link" :href="place(one)">{{ one.subject }}</a> <span>{{ detail(one) }}</span> <span class="jp-deeds__by jp-muted jp-small">by {{ by(one.by) }}, <JpTime :at="one.at" look="clock" /></span></p></div>
          <button v-if="one.kind === 'job-deleted' && !restored.has(one.job_id)" class="jp-btn jp-btn--small jp-deeds__do" type="button" :aria-label="'Undo: bring ' + one.subject + ' back'" @click="restore(one)">Undo</button>
        </li></template>
      </ol>
      <div v-if="next" class="jp-card__foot"><span></span><button class="jp-btn jp-btn--small jp-bar__end" type="button" @click="load(next)">Show older ones</button></div>
    </div>
  </div>`,
  data: () => ({ deeds: DEEDS, job: fromUrl("job"), items: [], next: null, loaded: false, error: "" }),
  computed: {
    // Jobs that are back, by a later deed of this list.
    restored() { return new Set(this.items.filter((one) => one.kind === "job-restored").map((one) => one.job_id)); },
  },
  created() { this.load(); },
  methods: {
    icon: deedIcon, by: byWhom,
    dayOf: (one) => one && local(one.at, "day"),
    place(one) { return one.job_id ? `/jobs/${one.job_id}${one.version ? `?tab=versions#v${one.version}` : ""}` : PLACES[one.kind.split("-")[0]] ?? null; },
    detail(one) {
      // A freeze's end is an instant, and its page tells it.
      const words = one.kind === "freeze-begun" ? "" : one.detail;
      return [words, one.changed.map(fieldWord).join(", ")].filter(Boolean).join(": ");
    },
    async load(after = null) {
      try {
        const page = await api(`/activity${query({ job: this.job, after })}`);
        Object.assign(this, { items: after ? [...this.items, ...page.items] : page.items, next: page.next, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    async restore(one) {
      const back = await attempt(() => api(`/jobs/${one.job_id}/restore`, { method: "POST" }), null);
      if (!back) return;
      toast(`${one.subject} is back.`, { href: `/jobs/${one.job_id}` });
      this.load();
    },
  },
};
