// The head of a job's page: what it is, how it stands, why it did not run, what can be done.
import { duration, isActive, isUnhappy, local, NO_NEXT, parts, plural, reasonOf, screenSize, seconds, tick, wordOf } from "jp_format";
import { api, attempt, cannotDo, debounced, follow, jobActions, lacksLevel, onKeys, openUnder } from "jp_core";
import { CancelWaitingDialog } from "jp_controls";
import { BackfillDialog, ResumeDialog } from "jp_dialogs";
import { JpChain } from "jp_chain";
import { outputSaid } from "jp_output";
import { resourcesSaid } from "jp_resources";
import { rulesSaid } from "jp_rules";
import { JpScriptState, shortHash } from "jp_script";
import { WhyPanel } from "jp_why";
import { sentences, toldAll } from "jp_words";

const OVERLAPS = {
  skip: "Skip while the previous run is going", "queue-one": "One run waits for the previous one", "queue-all": "Runs wait for the previous one",
  allow: "Runs may overlap", "cancel-previous": "A new run stops the previous one",
};

export default {
  components: { ...parts, BackfillDialog, CancelWaitingDialog, JpChain, JpScriptState, ResumeDialog, WhyPanel },
  props: { initial: Object, around: Object, why: Object, script: Object, tab: String },
  template: `
  <div>
    <div class="jp-head">
      <div class="jp-head__title">
        <nav class="jp-crumbs" aria-label="You are here"><a href="/jobs">Jobs</a></nav>
        <h1>{{ job.name }}</h1>
        <span v-if="job.deleted_at" class="jp-chip jp-tone--skipped"><JpIcon name="bin" />Deleted</span>
        <span v-else-if="job.paused_at" class="jp-chip jp-tone--skipped"><JpIcon name="pause" />Paused</span>
        <JpChip v-else-if="job.last_run" :state="job.last_run.state" />
        <span class="jp-head__sub">{{ job.schedule_text }}<template v-if="job.next_due_at && !job.paused_at"> · next <JpRelative :at="job.next_due_at" way="in" /></template><template v-else-if="job.no_next === 'completed'"> · completed</template></span>
      </div>
      <div v-if="job.deleted_at" class="jp-head__do"><button class="jp-btn jp-btn--main" type="button" @click="restore">Restore</button></div>
      <div v-else class="jp-head__do">
        <button v-if="job.paused_at" class="jp-btn" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="$refs.resume.open(job)"><JpIcon name="power" />Resume</button>
        <button v-else class="jp-btn" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="does(act.pause)"><JpIcon name="pause" />Pause</button>
        <a v-if="!cannot.edit" class="jp-btn" :href="'/jobs/' + job.id + '/edit'"><JpIcon name="pencil" />Edit</a>
        <button class="jp-btn" type="button" aria-haspopup="true" @click="openUnder($refs.menu, $event.currentTarget)"><JpIcon name="more" />More</button>
        <button class="jp-btn jp-btn--main" type="button" :disabled="Boolean(cannot.run)" :title="cannot.run" @click="act.runNow(job)"><JpIcon name="play" />{{ job.parameters.length ? 'Run now…' : 'Run now' }}</button>
      </div>
    </div>
    <div class="jp-pop" popover ref="menu">
      <button class="jp-pop__item" type="button" @click="doing(() => $refs.why.open())"><JpIcon name="question" />Why did it not run at…?</button>
      <button v-if="job.schedules.some((one) => one.schedule.kind !== 'manual')" class="jp-pop__item" type="button" @click="doing(() => backfill())"><JpIcon name="gone" />Run missed instants…</button>
      <button class="jp-pop__item" type="button" @click="doing(() => $refs.cancelWaiting.open(job))"><JpIcon name="ban" />Cancel waiting runs…</button>
      <hr><button class="jp-pop__item jp-pop__item--bad" type="button" :disabled="Boolean(cannot.edit)" :title="cannot.edit" @click="doing(() => does((it) => act.remove(it, load)))"><JpIcon name="bin" />Delete</button>
    </div>

    <div v-if="notice" class="jp-notice" :class="'jp-tone--' + notice.tone"><JpIcon :name="notice.icon" /><span>{{ notice.text }}
      <a v-if="notice.href" class="jp-link" :href="notice.href">{{ notice.link }}</a></span></div>
    <JpScriptState ref="script" :job="job" :first="script" @changed="(fresh) => (job = fresh)" @judged="(it) => (refuses = it)" />
    <WhyPanel ref="why" :job="job" :first="why" @resume="$refs.resume.open(job)" @restore="restore" @backfill="backfill" />
    <ResumeDialog ref="resume" @done="load" />
    <BackfillDialog ref="backfill" />
    <CancelWaitingDialog ref="cancelWaiting" />
    <JpChain :job="job" :graph="graph" />
    <nav class="jp-tabs" aria-label="Of this job">
      <a v-for="[key, word] in tabs" :key="key" class="jp-tabs__tab" :href="'/jobs/' + job.id + (key === 'runs' ? '' : '?tab=' + key)" :aria-current="tab === key ? 'page' : null">{{ word }}</a></nav>

    <div v-if="tab === 'runs'" class="jp-two" :class="{ 'jp-two--one': !bars.length }">
      <section v-if="bars.length" class="jp-card" aria-labelledby="jp-recent">
        <div class="jp-card__head"><h2 id="jp-recent">Last {{ screen.narrow ? 10 : 20 }} runs</h2><span class="jp-muted jp-small">{{ tally }}</span></div>
        <div class="jp-card__body">
          <ol class="jp-bars">
            <li v-for="run in bars" :key="run.id"><a class="jp-bars__bar" :class="'jp-tone--' + tone(run)" :href="'/runs/' + run.id"
               :aria-label="label(run)" :title="label(run)"><span :style="{ height: height(run) + '%' }"></span></a></li>
          </ol>
          <p class="jp-bars__axis"><span v-if="bars.length === (screen.narrow ? 10 : 20)">oldest</span><span v-if="longest > 1">height is duration, longest {{ longestWords }}</span><span>newest</span></p>
        </div>
      </section>
      <section class="jp-card" aria-labelledby="jp-details">
        <div class="jp-card__head"><h2 id="jp-details">Details</h2></div>
        <dl class="jp-facts">
          <dt>Script</dt><dd><a class="jp-link jp-mono" :href="'/scripts?name=' + encodeURIComponent(job.script)">{{ job.script }}</a><template v-if="job.pinned_sha256"><span class="jp-version">only version <span class="jp-mono" :title="job.pinned_sha256">{{ shortHash(job.pinned_sha256) }}</span>, saved <JpTime :at="job.pinned_at" /></span></template></dd>
          <template v-if="job.args.length"><dt>Arguments</dt><dd class="jp-mono">{{ job.args.join(' ') }}</dd></template>
          <dt>Next run</dt><dd><template v-if="job.paused_at">Paused by {{ job.paused_by || 'somebody' }} since <JpTime :at="job.paused_at" /></template><JpTime v-else-if="job.next_due_at" :at="job.next_due_at" look="when" /><template v-else>{{ noNext }}</template></dd>
          <template v-if="job.schedules.length > 1"><dt>Schedules</dt><dd><ul class="jp-rulelist"><li v-for="one in job.schedules" :key="one.id"><span>{{ one.text }}</span> <span class="jp-muted">{{ one.zone }}<template v-if="one.args">, with <span v-if="one.args.length" class="jp-mono">{{ one.args.join(' ') }}</span><template v-else>no arguments</template></template></span></li></ul></dd></template>
          <dt>Timeout</dt><dd>{{ seconds(job.timeout_s) }}, then {{ seconds(job.kill_grace_s) }} to end by itself</dd>
          <dt>Overlap</dt><dd>{{ overlap }}</dd>
          <template v-if="rules.length"><dt>Rules</dt><dd><ul class="jp-rulelist"><li v-for="rule in rules" :key="rule">{{ rule }}</li></ul></dd></template>
          <dt>If lost</dt><dd>{{ job.on_lost === 'fail' ? 'Do not run it again (at most once)' : 'Run it again' }}</dd>
          <dt>Pool</dt><dd>{{ job.pool }}</dd>
          <template v-if="job.limit_key"><dt>Shared limit</dt><dd><a class="jp-link" href="/executors#limits">{{ job.limit_key }}</a></dd></template>
          <template v-if="output"><dt>Output and network</dt><dd>{{ output }}</dd></template>
          <template v-if="resources"><dt>Resources</dt><dd>{{ resources }}</dd></template>
          <template v-if="job.parameters.length"><dt>Parameters</dt><dd>{{ job.parameters.map((one) => one.label || one.name).join(', ') }}</dd></template>
          <template v-if="job.secrets.length"><dt>Secrets</dt><dd class="jp-mono"><a class="jp-link" href="/secrets">{{ job.secrets.map((one) => one.name).join(', ') }}</a></dd></template>
          <template v-if="job.removed_count"><dt>History</dt><dd>{{ removed }}<template v-if="job.removed_until">, those of its schedules up to <JpTime :at="job.removed_until" /></template></dd></template>
          <template v-if="job.description"><dt>About</dt><dd class="jp-prose">{{ job.description }}</dd></template>
        </dl>
      </section>
    </div>
  </div>`,
  data: (self) => ({ tabs: [["runs", "Runs"], ["insights", "Insights"], ["versions", "Versions"], ["alerts", "Alerts"]], tick, screen: screenSize, job: toldAll(self.initial, ["text"]), graph: self.around, act: jobActions, refuses: false }),
  created() {
    this.reload = debounced(() => this.load(), 120);
    this.stop = follow(["runs", "jobs"], (items, topic) => {
      // What becomes of the jobs around it is shown, too: their ends are what it waits for.
      const isNear = (item) => this.graph.nodes.some((node) => node.id === (topic === "runs" ? item.job_id : item.id));
      if (items.some(isNear)) this.reload();
      if (topic === "runs") return;
      this.job = items.findLast((job) => job.id === this.job.id) ?? this.job;
    }, { load: this.load });
  },
  mounted() {
    const alive = (action) => () => { if (!this.job.deleted_at) action(); };
    this.stopKeys = onKeys({
      r: alive(() => this.act.runNow(this.job)), e: alive(() => { location.href = `/jobs/${this.job.id}/edit`; }),
      p: alive(() => (this.job.paused_at ? this.$refs.resume.open(this.job) : this.does(this.act.pause))),
    });
    if (location.hash === "#resume" && this.job.paused_at) this.$refs.resume.open(this.job);
  },
  beforeUnmount() { this.stop(); this.stopKeys(); },
  computed: {
    overlap() { return OVERLAPS[this.job.overlap] + (this.job.policy.max_concurrent ? `, ${this.job.policy.max_concurrent} at most` : ""); },
    rules() { return rulesSaid(this.job.policy); },
    removed() { return `${plural(this.job.removed_count, "old run")} ${this.job.removed_count === 1 ? "was" : "were"} removed`; },
    output() { return outputSaid(this.job); },
    resources() { return resourcesSaid(this.job.resources); },
    cannot() { return cannotDo(this.job); },
    noNext() { return NO_NEXT[this.job.no_next]?.text ?? "–"; },
    bars() { return this.job.recent.slice(this.screen.narrow ? -10 : -20); },
    longest() { return Math.max(1, ...this.bars.map((run) => run.duration_ms ?? 0)); },
    longestWords() { return duration(this.longest); },
    tally() {
      // What was skipped or missed did not run, and is no failure of the script.
      const ended = this.bars.filter((run) => !isActive(run.state) && run.state !== "skipped" && run.state !== "missed");
      const good = ended.filter((run) => run.state === "succeeded").length;
      const without = this.bars.filter((run) => run.state === "skipped" || run.state === "missed").length;
      return [ended.length && `${good} of ${ended.length} succeeded`, without && `${without} not run`].filter(Boolean).join(", ");
    },
    notice() {
      const run = this.job.last_run;
      if (this.job.deleted_at) return { tone: "skipped", icon: "bin", text: `Deleted ${local(this.job.deleted_at)}. Its history stays as long as that of others; restoring it brings it back.` };
      const braked = this.job.recent.filter((one) => one.reason === "braked").length;
      if (braked) return { tone: "missed", icon: "warning", text: `It starts too often: its brake kept ${braked} of its last ${plural(this.job.recent.length, "run")} from going on. Find what starts it, or give it a higher brake.`, href: `/jobs/${this.job.id}/edit`, link: "Edit the job" };
      // What waits already says so itself, in the panel below.
      const lacking = this.job.recent.some((one) => one.state === "queued") ? "" : lacksLevel(this.job);
      if (lacking) return { tone: "missed", icon: "warning", text: lacking, href: `/jobs/${this.job.id}/edit`, link: "Edit the job" };
      if (!run) return null;
      const which = run.number ? `#${run.number}` : "The run";
      if (run.reason === "script-changed") {
        return this.refuses ? null : { tone: run.state, icon: "warning", text: `${which} was not started: its script was not the one that had been saved.`, href: `/runs/${run.id}`, link: "Open it" };
      }
      if (isUnhappy(run.state)) {
        const how = { failed: "failed", timed_out: `was stopped at its timeout of ${seconds(this.job.timeout_s)}`, lost: "was lost" }[run.state];
        return { tone: run.state, icon: "warning", text: sentences([`${which} ${how}`, reasonOf(run)]), href: `/runs/${run.id}`, link: "Read its log" };
      }
      return null;
    },
  },
  methods: {
    seconds, shortHash, encodeURIComponent,
    tone: (run) => (run.state === "held" ? "queued" : run.state),
    height(run) { return run.duration_ms ? Math.max(8, (100 * run.duration_ms) / this.longest) : 8; },
    label: (run) => `#${run.number ?? "?"} ${wordOf(run.state).toLowerCase()}, ${local(run.due_at)}, ${duration(run.duration_ms)}`,
    async load() {
      const path = `/jobs/${this.job.id}`;
      const [job, graph] = await Promise.all([api(path), api(`${path}/chain`)]).catch(() => []);
      if (job) Object.assign(this, { job, graph });
      this.$refs.script?.load();
    },
    openUnder,
    doing(action) { this.$refs.menu.hidePopover(); return action(); },
    backfill(range = null) { this.$refs.backfill.open(this.job, range); },
    async does(action) { await action(this.job); await this.load(); },
    async restore() { await attempt(() => api(`/jobs/${this.job.id}/restore`, { method: "POST" })); await this.load(); },
  },
};
