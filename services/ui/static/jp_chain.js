// Jobs that run after others: what a job is after, as the form asks for it, and the graph of the jobs around it.
import { parts, screenSize, STATES, toneOf, when, wordOf } from "jp_format";
import { api, debounced } from "jp_core";
import { FieldError, JpCombo } from "jp_schedule";
import { isChinese, word } from "jp_words";

const ON = { success: "has succeeded", failure: "has failed", always: "has ended" };
// A line without a word: on success, as most are.
const EDGE = { success: "", failure: "failed", always: "ended" };
const MOST = 20;
const WIDE = 196, TALL = 48, LINE = 8, GAP_X = 84, GAP_Y = 12;
let count = 0;

const listed = (words, last, gap = " ") => (words.length > 1 ? `${words.slice(0, -1).join(", ")}${gap}${last}${gap}${words.at(-1)}` : words[0] ?? "");
const row = (one) => ({ key: ++count, name: one?.name ?? "", on: one?.on ?? "success", id: one?.job_id ?? null, gone: Boolean(one?.deleted_at) });

export const afterOf = (job) => ({ join: job?.runs_after?.join ?? "all", rows: (job?.runs_after?.jobs ?? []).map(row) });

// Ids of jobs by name, as far as they were seen; what the job is after already is known from the start.
export const idsOf = (job) => Object.fromEntries((job?.runs_after?.jobs ?? []).map((one) => [one.name, one.job_id]));

const chosen = (after) => after.rows.filter((one) => one.name.trim());
const idOf = (one, ids) => one.id ?? ids[one.name.trim()];

export function afterDraft(after, ids) {
  return { join: after.join, jobs: chosen(after).map((one) => ({ job_id: idOf(one, ids), on: one.on })) };
}

export function afterProblem(after, ids) {
  const unknown = chosen(after).find((one) => !idOf(one, ids));
  return unknown ? `There is no job called “${unknown.name.trim()}”. Choose one of the list.` : "";
}

export function afterSaid(after) {
  const rows = chosen(after);
  const said = listed(rows.map((one) => (isChinese ? `「${one.name.trim()}」${ON[one.on]}` : `${one.name.trim()} ${ON[one.on]}`)), after.join === "all" ? word("and") : word("or"), isChinese ? "" : " ");
  if (!rows.length) return "";
  return rows.length > 1 && after.join === "all" ? `${said}, each since the last such start` : said;
}

export const JpAfter = {
  components: { ...parts, FieldError, JpCombo },
  props: { after: Object, ids: Object, error: String, own: String },
  template: `
  <details class="jp-rules" ref="box" :open="after.rows.length > 0"><summary id="jp-f-runs_after" class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Runs after</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body">
      <p v-if="!after.rows.length" class="jp-hint">Start this job when others have ended, besides its schedules or instead of them.</p>
      <ul v-else class="jp-before"><li v-for="(one, index) in after.rows" :key="one.key" class="jp-before__row">
        <label class="jp-clip" :for="'jp-after-' + one.key">Job {{ index + 1 }}</label>
        <JpCombo :id="'jp-after-' + one.key" plain label="Jobs" placeholder="Name of a job" :options="names" :model-value="one.name" @update:model-value="named(one, $event)" />
        <label class="jp-clip" :for="'jp-after-on-' + one.key">On which end</label>
        <select :id="'jp-after-on-' + one.key" class="jp-select" v-model="one.on"><option v-for="(word, key) in on" :key="key" :value="key">{{ word }}</option></select>
        <button type="button" class="jp-iconbtn" :aria-label="'Remove job ' + (index + 1)" title="Remove" @click="after.rows.splice(index, 1)"><JpIcon name="bin" /></button>
        <span v-if="one.gone" class="jp-hint jp-before__gone">This job is deleted: it ends no more unless it is restored.</span></li></ul>
      <div v-if="after.rows.length > 1" class="jp-line"><label for="jp-f-join">Start when</label>
        <select id="jp-f-join" class="jp-select jp-select--w" v-model="after.join"><option value="all">all of them have</option><option value="any">any of them has</option></select></div>
      <button v-if="after.rows.length < most" type="button" class="jp-btn jp-btn--small jp-scheds__add" @click="add"><JpIcon name="plus" />{{ after.rows.length ? 'Add another job' : 'Add a job' }}</button>
      <p v-if="sentence" class="jp-small" aria-live="polite">{{ sentence }}</p>
      <FieldError id="jp-e-runs_after" :text="error" /></div></details>`,
  data: () => ({ on: ON, most: MOST, names: [] }),
  created() {
    this.find = debounced((text) => this.search(text), 150);
    this.search("");
  },
  computed: {
    sentence() { const said = afterSaid(this.after); return said && `Starts when ${said}.`; },
    summary() { const names = chosen(this.after).map((one) => one.name.trim()); return listed(names, this.after.join === "all" ? "and" : "or") || "No other job"; },
  },
  methods: {
    add() {
      this.after.rows.push(row());
      this.$nextTick(() => document.getElementById(`jp-after-${this.after.rows.at(-1).key}`)?.focus());
    },
    named(one, name) {
      Object.assign(one, { name, id: null, gone: false });
      this.find(name);
    },
    async search(text) {
      const answer = await api(`/jobs?limit=100&q=${encodeURIComponent(text.trim())}`).catch(() => ({ items: [] }));
      for (const job of answer.items) if (job.id !== this.own) this.ids[job.name] = job.id;
      this.names = [...new Set([...this.names, ...answer.items.filter((job) => job.id !== this.own).map((job) => job.name)])];
    },
    open() { this.$refs.box.open = true; },
  },
};

const keyOf = (edge) => `${edge.upstream_id} ${edge.job_id}`;

// Where each job of the graph stands: a column for each level, the jobs of a level one below the other. A line
// that passes a level has a place of its own there, lest it run behind a job.
function placed(graph) {
  const level = new Map(graph.nodes.map((node) => [node.id, node.level]));
  const levels = [...new Set(level.values())].sort((a, b) => a - b);
  const passing = (at) => graph.edges.filter((edge) => level.get(edge.upstream_id) < at && at < level.get(edge.job_id)).map((edge) => ({ key: `${keyOf(edge)} ${at}`, tall: LINE }));
  const columns = levels.map((at) => [...graph.nodes.filter((node) => node.level === at).map((node) => ({ key: node.id, tall: TALL })), ...passing(at)]);
  const tall = (column) => column.reduce((sum, one) => sum + one.tall + GAP_Y, -GAP_Y);
  const tallest = Math.max(...columns.map(tall));
  const places = new Map();
  columns.forEach((column, index) => {
    let y = (tallest - tall(column)) / 2;
    for (const one of column) {
      places.set(one.key, { x: index * (WIDE + GAP_X), y, middle: y + one.tall / 2 });
      y += one.tall + GAP_Y;
    }
  });
  return { level, levels, places, width: columns.length * (WIDE + GAP_X) - GAP_X, height: tallest };
}

// The way of a line: from job to job, through its places on the levels between them.
function wayOf(edge, map) {
  const from = map.places.get(edge.upstream_id), to = map.places.get(edge.job_id);
  const between = map.levels.filter((at) => map.level.get(edge.upstream_id) < at && at < map.level.get(edge.job_id));
  let [x, y] = [from.x + WIDE, from.middle];
  let path = `M${x} ${y}`;
  const bend = (toX, toY) => { const half = (toX - x) / 2; path += `C${x + half} ${y} ${toX - half} ${toY} ${toX} ${toY}`; [x, y] = [toX, toY]; };
  for (const at of between) {
    const place = map.places.get(`${keyOf(edge)} ${at}`);
    bend(place.x, place.middle);
    x += WIDE;
    path += `H${x}`;
  }
  const said = { x: x + GAP_X / 2 - 3, y: (y + to.middle) / 2 - 5 };
  bend(to.x - 5, to.middle);
  return { path, tip: `M${x - 4} ${y - 4}L${x + 2} ${y}L${x - 4} ${y + 4}`, ...said };
}

// A graph on a wide screen, a list of what comes before and after on a narrow one.
export const JpChain = {
  components: parts,
  props: { job: Object, graph: Object },
  template: `
  <section v-if="graph.nodes.length > 1" class="jp-card jp-chain" aria-labelledby="jp-chain-title">
    <div class="jp-card__head"><h2 id="jp-chain-title">Chain</h2><span class="jp-muted jp-small">{{ standing }}</span></div>
    <div v-if="!screen.narrow" ref="scroll" class="jp-chain__scroll" tabindex="0" role="group" aria-label="Jobs before and after this one"><div class="jp-chain__graph" :style="{ width: map.width + 'px', height: map.height + 'px' }">
      <svg class="jp-chain__lines" :viewBox="'0 0 ' + map.width + ' ' + map.height" :width="map.width" :height="map.height" aria-hidden="true">
        <g v-for="line in lines" :key="line.key" :class="'jp-chain__line jp-chain__line--' + line.on"><path :d="line.path" /><path class="jp-chain__tip" :d="line.tip" /><text :x="line.x" :y="line.y">{{ line.word }}</text></g></svg>
      <a v-for="node in graph.nodes" :key="node.id" class="jp-chain__node" :class="['jp-tone--' + tone(node), { 'jp-chain__node--here': node.id === job.id }]" :style="at(node)" :href="'/jobs/' + node.id" :aria-current="node.id === job.id ? 'page' : null" :title="said(node)">
        <JpIcon :name="icon(node)" :spin="node.state === 'running'" /><span class="jp-chain__name">{{ node.name }}</span><span class="jp-chain__note">{{ note(node) }}</span><span v-if="after(node)" class="jp-clip">, starts {{ after(node) }}</span></a>
    </div></div>
    <ul v-else class="jp-chain__list"><li v-for="node in graph.nodes" :key="node.id" :style="{ paddingLeft: 12 + 14 * (node.level - first) + 'px' }">
      <a class="jp-chain__item" :class="['jp-tone--' + tone(node), { 'jp-chain__item--here': node.id === job.id }]" :href="'/jobs/' + node.id" :aria-current="node.id === job.id ? 'page' : null"><JpIcon :name="icon(node)" :spin="node.state === 'running'" /><span><span class="jp-chain__name">{{ node.name }}</span><span class="jp-chain__note">{{ after(node) || note(node) }}</span></span></a></li></ul>
    <p v-if="graph.more" class="jp-hint jp-chain__more">{{ graph.more }} more {{ graph.more === 1 ? 'job is' : 'jobs are' }} further away.</p>
  </section>`,
  data: () => ({ screen: screenSize }),
  computed: {
    map() { return placed(this.graph); },
    first() { return Math.min(...this.graph.nodes.map((node) => node.level)); },
    names() { return new Map(this.graph.nodes.map((node) => [node.id, node.name])); },
    lines() {
      return this.graph.edges.map((edge) => ({ key: keyOf(edge), on: edge.on, word: EDGE[edge.on], ...wayOf(edge, this.map) }));
    },
    // Where all are waited for and some have ended: which of them, and since when.
    standing() {
      const { join, jobs } = this.job.runs_after;
      const there = jobs.filter((one) => one.arrived_at), missing = jobs.filter((one) => !one.arrived_at);
      if (join !== "all" || !there.length || !missing.length) return "";
      return `Waits for ${listed(missing.map((one) => (one.deleted_at ? `${one.name}, which is deleted` : one.name)), "and")} · ${there.map((one) => `${one.name} ended ${when(one.arrived_at)}`).join(", ")}`;
    },
  },
  mounted() {
    // The job itself is in sight, however much comes before it.
    if (this.$refs.scroll) this.$refs.scroll.scrollLeft = this.map.places.get(this.job.id).x + WIDE / 2 - this.$refs.scroll.clientWidth / 2;
  },
  methods: {
    tone: (node) => (node.deleted_at || !node.state ? "skipped" : toneOf(node.state)),
    icon: (node) => (node.deleted_at ? "bin" : node.paused_at ? "pause" : STATES[node.state]?.icon ?? "clock"),
    at(node) { const { x, y } = this.map.places.get(node.id); return { left: `${x}px`, top: `${y}px`, width: `${WIDE}px`, height: `${TALL}px` }; },
    note(node) {
      const word = node.deleted_at ? "Deleted" : node.paused_at ? "Paused" : node.state ? wordOf(node.state) : "Has not run";
      const before = this.graph.edges.filter((edge) => edge.job_id === node.id).length;
      return before > 1 ? `${word} · after ${node.join} of ${before}` : word;
    },
    after(node) {
      const edges = this.graph.edges.filter((edge) => edge.job_id === node.id && this.names.has(edge.upstream_id));
      const said = listed(edges.map((edge) => `${this.names.get(edge.upstream_id)} ${ON[edge.on]}`), node.join === "all" ? "and" : "or");
      return said && `when ${said}`;
    },
    said(node) { return [`${node.name}: ${this.note(node).toLowerCase()}`, this.after(node)].filter(Boolean).join(", starts "); },
  },
};
