// Executors: health in words of their own (never run states), slots, and heartbeats that tick.
import { ago, count, parts, plural, screenSize, span, tick } from "jp_format";
import { api, debounced, follow, health, toast } from "jp_core";

const START = "./portal up --executors 2";
const MORE = "./portal up --executors 4";
const MORE_CONTAINERS = "docker compose up -d --no-recreate --scale executor=4";
const HEALTH = { online: ["Online", "check"], draining: ["Draining", "pause"], offline: ["Offline", "power"], left: ["Left", "power"] };
// Who drained to the end has left: nothing is wrong with it, unlike with one that fell silent.
const keyOf = (one) => (one.online ? (one.draining ? "draining" : "online") : one.draining ? "left" : "offline");

export default {
  components: parts,
  template: `
  <div>
    <p v-if="loaded && items.length" class="jp-summary" aria-live="polite">{{ summary }}</p>
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The executors cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !items.length" class="jp-empty"><JpIcon name="server" /><h2>There is no executor</h2>
        <p>Executors run the scripts. What is due waits for one; nothing is lost meanwhile. Start two with the whole portal:</p>
        <span class="jp-code">{{ start }}<button class="jp-btn jp-btn--small" type="button" @click="copy">Copy</button></span></div>
      <ul v-else-if="screen.narrow && !loaded" class="jp-cards" aria-hidden="true"><li v-for="row in 3" :key="row" class="jp-ghostcard"></li></ul>
      <ul v-else-if="screen.narrow" class="jp-cards">
        <li v-for="one in items" :key="one.name" :class="{ 'jp-left': key(one) === 'left' }">
          <span class="jp-cards__name">{{ one.name }}</span>
          <span v-if="key(one) === 'left'" class="jp-left__when">left <JpRelative :at="one.last_seen_at" /></span>
          <span v-else class="jp-chip" :class="'jp-tone--' + key(one)"><JpIcon :name="words[key(one)][1]" />{{ words[key(one)][0] }}</span>
          <span v-if="key(one) !== 'left'" class="jp-cards__line"><span>{{ one.online ? one.busy + ' of ' + one.slots + ' slots busy' : 'fell silent' }}</span><span>heard <JpRelative :at="one.last_seen_at" /></span></span>
          <span v-if="problem(one)" class="jp-cards__line jp-late">{{ one.problems.join(' ') }}</span>
        </li>
      </ul>
      <div v-else class="jp-scroll">
        <table class="jp-table"><caption class="jp-clip">Executors</caption>
          <thead><tr><th scope="col">Executor</th><th scope="col">Health</th><th scope="col">Slots</th><th scope="col">Heartbeat</th><th scope="col" class="jp-table__grow">Running</th>
            <th scope="col" class="jp-num">Runs, 24 h</th><th scope="col">Up for</th><th scope="col">Pools</th><th scope="col">Sandbox</th><th scope="col">Version</th></tr></thead>
          <tbody v-if="loaded">
            <tr v-for="one in items" :key="one.name" :class="{ 'jp-left': key(one) === 'left' }">
              <td class="jp-table__where"><span class="jp-table__name">{{ one.name }}</span><span class="jp-table__sub">{{ one.host }} · pid {{ one.pid }}</span></td>
              <td><span v-if="key(one) === 'left'">Left <JpRelative :at="one.last_seen_at" /></span>
                <span v-else class="jp-chip" :class="'jp-tone--' + key(one)"><JpIcon :name="words[key(one)][1]" />{{ words[key(one)][0] }}</span>
                <span v-if="problem(one)" class="jp-problem" :title="one.problems.join('\\n')"><JpIcon name="warning" />{{ one.problems[0] }}</span></td>
              <td><template v-if="one.online"><span class="jp-ratio" aria-hidden="true"><span :style="{ width: 100 * one.busy / Math.max(1, one.slots) + '%' }"></span></span>{{ one.busy }}/{{ one.slots }}</template><span v-else class="jp-muted">–</span></td>
              <td :class="{ 'jp-late': one.online && age(one) > 12 }"><JpRelative v-if="key(one) !== 'left'" :at="one.last_seen_at" /><span v-else class="jp-muted">–</span></td>
              <td class="jp-table__grow"><template v-for="(run, index) in one.running.slice(0, 2)" :key="run.run_id"><template v-if="index">, </template><a class="jp-link" :href="'/runs/' + run.run_id">{{ run.job_name }} #{{ run.number }}</a></template><template v-if="one.running.length > 2"> and {{ one.running.length - 2 }} more</template><span v-if="!one.running.length" class="jp-muted">–</span></td>
              <td class="jp-num">{{ count(one.runs_24h) }}</td>
              <td>{{ one.online ? span(tick.now - Date.parse(one.started_at), 1) : '–' }}</td>
              <td>{{ one.pools.join(', ') }}</td><td>{{ one.sandbox }}</td>
              <td class="jp-mono">{{ one.version }}<span v-if="one.online && one.version !== newest" class="jp-muted" title="Another executor is newer"> older</span></td>
            </tr>
          </tbody>
          <tbody v-else><tr v-for="row in 2" :key="row" class="jp-ghostrow"><td v-for="width in [120, 72, 110, 50, 90, 40, 40, 60, 60, 50]" :key="width"><span :style="{ width: width + 'px' }"></span></td></tr></tbody>
        </table>
      </div>
    </div>
    <p v-if="loaded && items.length" class="jp-side__note jp-after jp-balanced">More executors: stop the portal and start it with <code class="jp-mono">{{ more }}</code>, or with containers just <code class="jp-mono">{{ moreContainers }}</code>. A script runs in at most one of them.</p>
  </div>`,
  data: () => ({ tick, health, screen: screenSize, words: HEALTH, start: START, more: MORE, moreContainers: MORE_CONTAINERS, items: [], loaded: false, error: "" }),
  created() {
    this.reload = debounced(() => this.load(), 400);
    this.stop = follow(["executors", "runs"], (items, topic) => (topic === "runs" ? this.reload() : this.onExecutors(items)), { load: this.load });
  },
  beforeUnmount() { this.stop(); },
  computed: {
    summary() {
      const online = this.items.filter((one) => one.online);
      const sum = (key) => online.reduce((total, one) => total + one[key], 0);
      return `${plural(online.length, "executor")} online · ${count(sum("busy"))} of ${plural(sum("slots"), "slot")} busy · ${plural(this.health.waiting, "run")} waiting`;
    },
    newest() { return this.items.map((one) => one.version).sort().at(-1); },
  },
  methods: {
    ago, count, span, key: keyOf,
    problem: (one) => keyOf(one) !== "left" && one.problems.length > 0,
    age: (one) => (tick.now - Date.parse(one.last_seen_at)) / 1000,
    async load() {
      try {
        const answer = await api("/executors");
        Object.assign(this, { items: answer.items, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    onExecutors(items) {
      for (const item of items) {
        const known = this.items.find((one) => one.name === item.name);
        if (known) Object.assign(known, item);
        else this.reload();
      }
    },
    async copy() { await navigator.clipboard.writeText(START); toast("Copied."); },
  },
};
