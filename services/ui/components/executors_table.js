// Executors: health in words of their own (never run states), slots, and heartbeats that tick.
import { ago, count, parts, plural, screenSize, span, tick } from "jp_format";
import { api, debounced, follow, health, toast } from "jp_core";
import { FreezeDialog, controls, heldBy, heldWords } from "jp_controls";
import { HEALTH, JpBusy, ageOf, keyOf, pageOf } from "jp_executor";
import { LimitsCard } from "jp_limits";
import { toldPiece, word } from "jp_words";

const START = "./portal up --executors 2";
const MORE = "./portal up --executors 4";
const MORE_CONTAINERS = "docker compose up -d --no-recreate --scale executor=4";

export default {
  components: { ...parts, FreezeDialog, JpBusy, LimitsCard },
  template: `
  <div>
    <div class="jp-bar"><p class="jp-summary jp-summary--bar" aria-live="polite">{{ loaded && items.length ? summary : '' }}</p>
      <button class="jp-btn jp-bar__end" type="button" @click="$refs.freeze.open()"><JpIcon name="snow" />{{ health.freeze ? 'Change the freeze…' : 'Freeze everything…' }}</button></div>
    <FreezeDialog ref="freeze" />
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The executors cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !items.length" class="jp-empty"><JpIcon name="server" /><h2>There is no executor</h2>
        <p>Executors run the scripts. What is due waits for one; nothing is lost meanwhile. Start two with the whole portal:</p>
        <span class="jp-code">{{ start }}<button class="jp-btn jp-btn--small" type="button" @click="copy">Copy</button></span></div>
      <ul v-else-if="screen.narrow && !loaded" class="jp-cards" aria-hidden="true"><li v-for="row in 3" :key="row" class="jp-ghostcard"></li></ul>
      <ul v-else-if="screen.narrow" class="jp-cards">
        <li v-for="one in items" :key="one.name" :class="{ 'jp-left': key(one) === 'left' }">
          <a class="jp-cards__name" :href="page(one.name)">{{ one.name }}</a>
          <span v-if="key(one) === 'left'" class="jp-left__when">left <JpRelative :at="one.last_seen_at" /></span>
          <span v-else class="jp-chip" :class="'jp-tone--' + key(one)"><JpIcon :name="words[key(one)][1]" />{{ words[key(one)][0] }}</span>
          <span v-if="key(one) !== 'left'" class="jp-cards__line"><span><span>{{ one.online ? one.busy + ' of ' + one.slots + ' slots busy' : 'fell silent' }}</span> · <span>heard <JpRelative :at="one.last_seen_at" /></span></span><button v-if="one.online && !one.drained_at" class="jp-btn jp-btn--small" type="button" :aria-label="'Drain ' + one.name" @click="does(act.drain, one)">Drain</button></span>
          <span v-if="problem(one)" class="jp-cards__line jp-late">{{ one.problems.join(' ') }}</span>
          <span v-if="one.drained_at" class="jp-cards__line"><span>Drained {{ heldWords(one.drained_by, one.drained_at) }}</span><button class="jp-btn jp-btn--small" type="button" :aria-label="'Resume ' + one.name" @click="does(act.resumeExecutor, one)">Resume</button></span>
        </li>
      </ul>
      <div v-else class="jp-scroll">
        <table class="jp-table"><caption class="jp-clip">Executors</caption>
          <thead><tr><th scope="col">Executor</th><th scope="col">Health</th><th scope="col">Slots</th><th scope="col">Heartbeat</th><th scope="col" class="jp-table__grow">Running</th>
            <th scope="col" class="jp-num">Runs, 24 h</th><th scope="col">Up for</th><th scope="col">Pools</th><th scope="col">Sandbox</th><th scope="col">Version</th><th scope="col"><span class="jp-clip">Actions</span></th></tr></thead>
          <tbody v-if="loaded">
            <template v-for="one in items" :key="one.name"><tr :class="{ 'jp-left': key(one) === 'left', 'jp-table__open': problem(one) }">
              <td class="jp-table__where"><a class="jp-table__name" :href="page(one.name)">{{ one.name }}</a><span class="jp-table__sub">{{ one.host }} · pid {{ one.pid }}</span></td>
              <td><span v-if="key(one) === 'left'">Left <JpRelative :at="one.last_seen_at" /></span>
                <span v-else class="jp-chip" :class="'jp-tone--' + key(one)"><JpIcon :name="words[key(one)][1]" />{{ words[key(one)][0] }}</span>
                <span v-if="one.drained_at" class="jp-table__sub2">{{ heldBy(one.drained_by) }}<JpRelative :at="one.drained_at" /></span></td>
              <td class="jp-figures"><template v-if="one.online"><span class="jp-ratio" aria-hidden="true"><span :style="{ width: 100 * one.busy / Math.max(1, one.slots) + '%' }"></span></span>{{ one.busy }}/{{ one.slots }}</template><span v-else class="jp-muted">–</span></td>
              <td :class="{ 'jp-late': one.online && age(one) > 12 }"><JpRelative v-if="key(one) !== 'left'" :at="one.last_seen_at" /><span v-else class="jp-muted">–</span></td>
              <td class="jp-table__grow"><template v-for="(run, index) in one.running.slice(0, 2)" :key="run.run_id"><template v-if="index">, </template><a class="jp-link" :href="'/runs/' + run.run_id"><bdi>{{ run.job_name }}</bdi> #{{ run.number }}</a></template><template v-if="one.running.length > 2"> and {{ one.running.length - 2 }} more</template><span v-if="!one.running.length" class="jp-muted">–</span></td>
              <td class="jp-num"><a class="jp-link jp-table__link" :href="'/runs?within=24h&executor=' + encodeURIComponent(one.name)">{{ count(one.runs_24h) }}</a></td>
              <td class="jp-figures">{{ one.online ? span(tick.now - Date.parse(one.started_at), 1) : '–' }}</td>
              <td>{{ one.pools.join(', ') }}</td><td :title="one.sandbox_features"><span class="jp-sandbox" :class="{ 'jp-late': one.sandbox === 'unavailable' }"><JpIcon :name="one.sandbox === 'restricted' || one.sandbox === 'isolated' ? 'shield' : 'warning'" />{{ level(one.sandbox) }}</span></td>
              <td class="jp-mono">{{ one.version }}<span v-if="one.online && one.version !== newest" class="jp-muted" title="Another executor is newer"> older</span></td>
              <td class="jp-table__do"><button v-if="one.drained_at" class="jp-btn jp-btn--small" type="button" :aria-label="'Resume ' + one.name" @click="does(act.resumeExecutor, one)">Resume</button>
                <button v-else-if="one.online" class="jp-btn jp-btn--small" type="button" :aria-label="'Drain ' + one.name" title="Take no more runs, finish what it has" @click="does(act.drain, one)">Drain</button></td>
            </tr>
            <tr v-if="problem(one)" class="jp-table__more"><td colspan="11"><p v-for="text in one.problems" :key="text" class="jp-problem"><JpIcon name="warning" /><span>{{ text }}</span></p></td></tr></template>
          </tbody>
          <tbody v-else><tr v-for="row in 2" :key="row" class="jp-ghostrow"><td v-for="width in [120, 72, 110, 50, 90, 40, 40, 60, 60, 50, 50]" :key="width"><span :style="{ width: width + 'px' }"></span></td></tr></tbody>
        </table>
      </div>
    </div>
    <JpBusy v-if="items.length" :items="items" class="jp-pools" />
    <section v-if="pools.length" class="jp-card jp-pools" aria-labelledby="jp-pools">
      <div class="jp-card__head"><h2 id="jp-pools">Pools</h2><span class="jp-muted jp-small">The groups of executors that jobs run on</span></div>
      <ul v-if="screen.narrow" class="jp-cards">
        <li v-for="pool in pools" :key="pool.name">
          <span class="jp-cards__name">{{ pool.name }}</span>
          <span class="jp-chip" :class="'jp-tone--' + stand(pool)[1]"><JpIcon :name="stand(pool)[2]" />{{ stand(pool)[0] }}</span>
          <span class="jp-cards__line"><span>{{ plural(pool.waiting, 'run') }} waiting · {{ plural(pool.executors_online, 'executor') }}</span><button class="jp-btn jp-btn--small" type="button" :aria-label="(pool.paused_at ? 'Resume' : 'Pause') + ' pool ' + pool.name" @click="turn(pool)">{{ pool.paused_at ? 'Resume' : 'Pause' }}</button></span>
          <span v-if="pool.came_15m || pool.ended_15m" class="jp-cards__line">{{ lately(pool.came_15m) }} due, {{ lately(pool.ended_15m) }} ended in 15 minutes</span>
          <span v-if="pool.paused_at" class="jp-cards__line">Paused {{ heldWords(pool.paused_by, pool.paused_at) }}</span>
        </li>
      </ul>
      <div v-else class="jp-scroll"><table class="jp-table"><caption class="jp-clip">Pools</caption>
        <thead><tr><th scope="col">Pool</th><th scope="col" class="jp-table__grow">State</th><th scope="col" class="jp-num">Executors</th><th scope="col" class="jp-num">Slots busy</th><th scope="col" class="jp-num">Waiting</th><th scope="col">Oldest</th><th scope="col" class="jp-num" title="Attempts that fell due, and that ended, in the last 15 minutes">Due / ended, 15 min</th><th scope="col" class="jp-num">Jobs</th><th scope="col"><span class="jp-clip">Actions</span></th></tr></thead>
        <tbody><tr v-for="pool in pools" :key="pool.name">
          <td class="jp-strong">{{ pool.name }}</td>
          <td class="jp-table__grow"><span class="jp-chip" :class="'jp-tone--' + stand(pool)[1]"><JpIcon :name="stand(pool)[2]" />{{ stand(pool)[0] }}</span><span v-if="pool.paused_at" class="jp-table__sub2">{{ heldWords(pool.paused_by, pool.paused_at) }}</span></td>
          <td class="jp-num">{{ count(pool.executors_online) }}</td><td class="jp-num">{{ count(pool.busy) }}/{{ count(pool.slots) }}</td>
          <td class="jp-num">{{ count(pool.waiting) }}</td><td><JpRelative :at="pool.oldest_waiting_at" /></td><td class="jp-num">{{ lately(pool.came_15m) }} / {{ lately(pool.ended_15m) }}</td><td class="jp-num">{{ count(pool.jobs) }}</td>
          <td class="jp-table__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="(pool.paused_at ? 'Resume' : 'Pause') + ' pool ' + pool.name" @click="turn(pool)">{{ pool.paused_at ? 'Resume' : 'Pause' }}</button></td>
        </tr></tbody></table></div>
    </section>
    <LimitsCard ref="limits" />
    <p v-if="loaded && items.length" class="jp-side__note jp-after">More executors: stop the portal and start it with <code class="jp-mono">{{ more }}</code>, or with containers just <code class="jp-mono">{{ moreContainers }}</code>. A script runs in at most one of them.
      Messages that no service could handle are <a class="jp-link" href="/parked">parked<template v-if="health.parked"> ({{ count(health.parked) }})</template></a>.</p>
  </div>`,
  data: () => ({ tick, health, screen: screenSize, words: HEALTH, start: START, more: MORE, moreContainers: MORE_CONTAINERS, items: [], pools: [], loaded: false, error: "", act: controls }),
  created() {
    this.reload = debounced(() => this.load(), 400);
    this.stops = [
      follow(["executors", "runs"], (items, topic) => (topic === "runs" ? this.reload() : this.onExecutors(items)), { load: this.load }),
      follow("health", () => this.reload()),
    ];
  },
  beforeUnmount() { this.stops.forEach((stop) => stop()); },
  computed: {
    summary() {
      const online = this.items.filter((one) => one.online);
      // What an executor has that takes no runs is no slot for anybody.
      const sum = (key) => online.filter((one) => keyOf(one) !== "troubled").reduce((total, one) => total + one[key], 0);
      return `${plural(online.length, "executor")} online · ${count(sum("busy"))} of ${plural(sum("slots"), "slot")} busy · ${plural(this.health.waiting, "run")} waiting`;
    },
    // As numbers: 0.10.0 is newer than 0.9.0.
    newest() { return this.items.filter((one) => one.online).map((one) => one.version).sort((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1); },
  },
  methods: {
    level: toldPiece,
    ago, count, heldBy, heldWords, plural, span, age: ageOf, key: keyOf, page: pageOf,
    problem: (one) => keyOf(one) !== "left" && one.problems.length > 0,
    async load() {
      try {
        const [executors, pools] = await Promise.all([api("/executors"), api("/pools"), this.$nextTick().then(() => this.$refs.limits.load())]);
        Object.assign(this, { items: executors.items, pools: pools.items, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    onExecutors(items) {
      for (const item of items) {
        const known = this.items.find((one) => one.name === item.name);
        if (!known || known.draining !== item.draining) this.reload();
        if (known) Object.assign(known, item);
      }
    },
    // Beyond what is counted it is only known that there are many.
    lately: (value) => (value === null ? word("many") : count(value)),
    stand(pool) {
      if (pool.paused_at) return ["Paused", "queued", "pause"];
      if (!pool.executors_online) return pool.waiting ? ["No executor", "failed", "warning"] : ["No executor", "skipped", "gone"];
      return ["Open", "succeeded", "check"];
    },
    async does(action, one) {
      const answer = await action(one);
      if (answer) this.items = answer.items;
    },
    async turn(pool) {
      const answer = await (pool.paused_at ? controls.resumePool : controls.pausePool)(pool);
      if (answer) this.pools = answer.items;
    },
    async copy() { await navigator.clipboard.writeText(START); toast("Copied."); },
  },
};
