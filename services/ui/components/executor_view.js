// One executor: how it stands and why, its slots now and over the last day, its newest runs.
import { count, duration, parts, plural, span, tick } from "jp_format";
import { api, debounced, follow } from "jp_core";
import { controls, heldWords } from "jp_controls";
import { HEALTH, JpBusy, ageOf, keyOf } from "jp_executor";
import { toldPiece } from "jp_words";

const NEWEST = 10;

export default {
  components: { ...parts, JpBusy },
  props: { initial: Object },
  template: `
  <div>
    <div class="jp-head">
      <div class="jp-head__title">
        <nav class="jp-crumbs" aria-label="You are here"><a href="/executors">Executors</a></nav>
        <h1>{{ one.name }}</h1><span class="jp-chip" :class="'jp-tone--' + key"><JpIcon :name="words[key][1]" />{{ words[key][0] }}</span>
        <span class="jp-head__sub">{{ one.host }} · pid {{ one.pid }}</span>
      </div>
      <div class="jp-head__do"><a class="jp-btn" :href="runs">Its runs</a>
        <button v-if="one.drained_at" class="jp-btn jp-btn--main" type="button" @click="does('resumeExecutor')"><JpIcon name="play" />Resume</button>
        <button v-else-if="one.online" class="jp-btn" type="button" title="Take no more runs, finish what it has" @click="does('drain')"><JpIcon name="pause" />Drain</button></div>
    </div>
    <p class="jp-clip" aria-live="polite">{{ one.name }}: {{ words[key][0] }}</p>
    <div v-if="why.length" class="jp-notice" :class="'jp-tone--' + (key === 'offline' ? 'failed' : key === 'troubled' ? 'timed_out' : 'skipped')"><JpIcon :name="words[key][1]" /><span><template v-for="text in why" :key="text">{{ text }} </template></span></div>

    <div class="jp-kpis">
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Slots busy</span><span class="jp-kpi__value">{{ one.online ? count(one.busy) : '–' }}</span><span class="jp-kpi__note">{{ one.online ? 'of ' + plural(one.slots, 'slot') : 'had ' + plural(one.slots, 'slot') }}</span></div>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Heartbeat</span><span class="jp-kpi__value" :class="{ 'jp-late': one.online && age > 12 }"><JpRelative :at="one.last_seen_at" /></span><span class="jp-kpi__note">every 5 seconds</span></div>
      <a class="jp-card jp-kpi" :href="runs + '&within=24h'"><span class="jp-kpi__label">Runs, 24 h</span><span class="jp-kpi__value">{{ count(one.runs_24h) }}</span><span class="jp-kpi__note"></span></a>
      <div class="jp-card jp-kpi"><span class="jp-kpi__label">Up for</span><span class="jp-kpi__value">{{ one.online ? span(tick.now - Date.parse(one.started_at), 1) : '–' }}</span><span class="jp-kpi__note">version {{ one.version }}<template v-if="older">, older than others</template></span></div>
    </div>

    <JpBusy :items="[one]" alone />

    <div class="jp-two jp-two--top">
      <section class="jp-card" aria-labelledby="jp-newest" :aria-busy="!newest && !error">
        <div class="jp-card__head"><h2 id="jp-newest">Newest runs</h2><a class="jp-link jp-small" :href="runs">All of them</a></div>
        <p v-if="error" class="jp-card__body jp-muted">{{ error }} <button class="jp-btn jp-btn--small" type="button" @click="load">Try again</button></p>
        <p v-else-if="newest && !newest.length" class="jp-card__body jp-muted">It has not run anything yet.</p>
        <ul v-else class="jp-cards"><li v-for="run in newest ?? []" :key="run.id">
          <a class="jp-cards__name" data-jp-row :href="'/runs/' + run.id"><bdi>{{ run.job_name }}</bdi> <span class="jp-muted">#{{ run.number }}</span></a>
          <JpChip :state="run.state" />
          <span class="jp-cards__line"><JpTime :at="run.due_at" /><span>{{ took(run) }}</span></span></li></ul>
      </section>
      <section class="jp-card" aria-labelledby="jp-offers">
        <div class="jp-card__head"><h2 id="jp-offers">Now</h2></div>
        <dl class="jp-facts">
          <dt>Runs now</dt><dd><a v-for="run in one.running" :key="run.run_id" class="jp-link jp-queue" :href="'/runs/' + run.run_id"><bdi>{{ run.job_name }}</bdi> #{{ run.number }}</a><span v-if="!one.running.length" class="jp-muted">–</span></dd>
          <dt>Pools</dt><dd>{{ one.pools.join(', ') }}</dd>
          <dt>Sandbox</dt><dd class="jp-sandbox" :class="{ 'jp-late': one.sandbox === 'unavailable' }"><JpIcon :name="one.sandbox === 'restricted' || one.sandbox === 'isolated' ? 'shield' : 'warning'" />{{ level(one.sandbox) }}<span v-if="one.sandbox_features" class="jp-muted">{{ one.sandbox_features }}</span></dd>
          <dt>Queues</dt><dd><span v-for="name in one.queues" :key="name" class="jp-mono jp-queue">{{ name }}</span></dd>
        </dl>
      </section>
    </div>
  </div>`,
  data: (self) => ({ tick, words: HEALTH, one: self.initial, newest: null, error: "" }),
  created() {
    this.reload = debounced(() => this.load(), 400);
    this.stop = follow(["executors", "runs"], (items, topic) => {
      const mine = (item) => (topic === "runs" ? item.executor : item.name) === this.one.name;
      if (topic === "executors") Object.assign(this.one, items.findLast(mine));
      if (items.some(mine)) this.reload();
    }, { load: this.load });
  },
  beforeUnmount() { this.stop(); },
  computed: {
    key() { return keyOf(this.one); },
    age() { return ageOf(this.one); },
    older() { return this.one.version !== this.one.newest_version; },
    runs() { return `/runs?executor=${encodeURIComponent(this.one.name)}`; },
    why() {
      if (this.key === "left") return ["It was told to stop, ended what it had and left. Nothing is wrong with it."];
      if (this.key === "offline") return ["It fell silent without a word. What it ran is judged by each job's rule for lost executors; start it again, or another one of its pools."];
      const drained = this.one.drained_at ? [this.key === "drained" ? `Drained ${heldWords(this.one.drained_by, this.one.drained_at)}: it has ended what it had and takes nothing more until somebody resumes it.` : `Drained ${heldWords(this.one.drained_by, this.one.drained_at)}: it finishes what it has and takes no more runs.`] : [];
      return [...drained, ...this.one.problems];
    },
  },
  methods: {
    level: toldPiece,
    count, plural, span,
    took: (run) => (run.state === "running" && run.started_at ? duration(Math.max(1000, tick.now - Date.parse(run.started_at))) : duration(run.duration_ms)),
    async does(what) { if (await controls[what](this.one)) await this.load(); },
    async load() {
      const name = encodeURIComponent(this.one.name);
      try {
        const [one, page] = await Promise.all([api(`/executors/${name}`), api(`/runs?executor=${name}&limit=${NEWEST}`)]);
        Object.assign(this, { one, newest: page.items, error: "" });
      } catch (error) { this.error = error.message; }
    },
  },
};
