// What people are told, and where: what holds now, rules, channels, and messages with their fate.
import { local, parts, plural, seconds } from "jp_format";
import { api, attempt, fromUrl, toast } from "jp_core";
import { ChannelDialog, RuleDialog, ruleSaid, scopeSaid } from "jp_alerts";

const EVERY_MS = 5_000;
const SNOOZES = [3600, 4 * 3600, 86400, 7 * 86400];
const CHANNELS = { mail: { word: "E-mail", icon: "person" }, webhook: { word: "Webhook", icon: "link" }, apprise: { word: "Service", icon: "bell" } };
const FATES = { delivered: { word: "Delivered", tone: "succeeded", icon: "check" }, waiting: { word: "Waiting", tone: "queued", icon: "clock" }, "given-up": { word: "Given up", tone: "failed", icon: "cross" } };

export default {
  components: { ...parts, ChannelDialog, RuleDialog },
  template: `
  <div>
    <div class="jp-head"><div class="jp-head__title"><h1>Alerts</h1><span class="jp-head__sub">What you are told when nobody is looking</span></div>
      <div class="jp-head__do"><button class="jp-btn" type="button" @click="$refs.channel.open(null)"><JpIcon name="plus" />New channel</button><button class="jp-btn jp-btn--main" type="button" :disabled="!channels.length" :title="channels.length ? null : 'Make a channel first'" @click="newRule"><JpIcon name="plus" />New rule</button></div></div>
    <div v-if="error" class="jp-card"><div class="jp-empty"><JpIcon name="warning" /><h2>The alerts cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div></div>
    <div v-else class="jp-alerts" :aria-busy="!loaded">
      <section v-if="holding.length" class="jp-card" aria-labelledby="jp-al-now"><div class="jp-card__head"><h2 id="jp-al-now">Holds now</h2><span class="jp-hint">Told once; it is over when it ends</span></div>
        <ul class="jp-calendars"><li v-for="one in holding.slice(0, most)" :key="one.id"><div class="jp-calendars__what"><h3 class="jp-alerts__title"><a v-if="one.run_id" class="jp-link" :href="'/runs/' + one.run_id">{{ one.title }}</a><a v-else-if="one.job_id" class="jp-link" :href="'/jobs/' + one.job_id">{{ one.title }}</a><template v-else>{{ one.title }}</template></h3>
          <p class="jp-small jp-muted">Since <JpTime :at="one.since" /><template v-if="one.count > 1"> · found {{ plural(one.count, 'time') }}</template></p></div></li></ul>
        <div v-if="holding.length > most" class="jp-card__foot"><span>{{ plural(holding.length - most, 'more thing') }} of this kind</span><button class="jp-btn jp-btn--small jp-bar__end" type="button" @click="most = 200">Show all</button></div></section>
      <section class="jp-card" aria-labelledby="jp-al-rules"><div class="jp-card__head"><h2 id="jp-al-rules">Rules</h2></div>
        <div v-if="loaded && !rules.length" class="jp-empty"><JpIcon name="bell" /><h3>Nobody is told anything yet</h3><p>A rule says what you want to hear of, such as every failure, and where. First there must be a channel: e-mail, a chat, or a webhook.</p></div>
        <ul v-else class="jp-calendars"><li v-for="rule in rules" :key="rule.id"><div class="jp-calendars__what"><h3 class="jp-alerts__title">{{ said(rule) }} <span v-if="!rule.is_on" class="jp-chip jp-tone--skipped"><JpIcon name="pause" />Off</span><span v-else-if="snoozed(rule)" class="jp-chip jp-tone--queued"><JpIcon name="mute" />Snoozed</span><span v-else-if="rule.holding" class="jp-chip jp-tone--failed"><JpIcon name="bell" />Holds now</span></h3>
          <p class="jp-small jp-muted"><a v-if="rule.job_name" class="jp-link" :href="'/jobs/' + rule.job_id">{{ rule.job_name }}</a><template v-else>{{ scope(rule) }}</template> → {{ names(rule) }}<template v-if="rule.remind_s"> · again every {{ seconds(rule.remind_s) }}</template><template v-if="!rule.tells_end"> · not when it is over</template><template v-if="snoozed(rule)"> · silent until <JpTime :at="rule.snoozed_until" /></template></p></div>
          <div class="jp-calendars__do"><button v-if="snoozed(rule)" class="jp-btn jp-btn--small" type="button" :aria-label="'Wake: ' + said(rule)" @click="snooze(rule, 0)">Wake</button><button v-else-if="rule.is_on" class="jp-btn jp-btn--small" type="button" :aria-label="'Snooze: ' + said(rule)" @click="asked('snooze', rule)"><JpIcon name="mute" />Snooze…</button>
            <button class="jp-btn jp-btn--small" type="button" :aria-label="'Change: ' + said(rule)" @click="$refs.rule.open(rule, { channels })"><JpIcon name="pencil" />Change…</button><button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Delete: ' + said(rule)" @click="asked('rule', rule)"><JpIcon name="bin" />Delete…</button></div></li></ul></section>
      <section class="jp-card" aria-labelledby="jp-al-channels"><div class="jp-card__head"><h2 id="jp-al-channels">Channels</h2></div>
        <div v-if="loaded && !channels.length" class="jp-empty"><JpIcon name="link" /><h3>No channel yet</h3><p>A channel is where messages go. Its address holds a password or a key: it is stored sealed, and nothing shows it again.</p><div class="jp-empty__do"><button class="jp-btn jp-btn--main" type="button" @click="$refs.channel.open(null)">New channel</button></div></div>
        <ul v-else class="jp-calendars"><li v-for="one in channels" :key="one.id"><div class="jp-calendars__what"><h3 class="jp-alerts__title">{{ one.name }}</h3>
          <p class="jp-small jp-muted">{{ kinds[one.kind].word }} · <span class="jp-mono">{{ one.shown }}</span><template v-if="one.quiet"> · quiet {{ one.quiet.begins }}–{{ one.quiet.ends }} {{ one.quiet.zone }}</template> · {{ one.rules ? plural(one.rules, 'rule') : 'no rule' }}</p></div>
          <div class="jp-calendars__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="'Try ' + one.name" :disabled="trying === one.id" @click="tryOut(one)"><JpIcon name="bell" />Try</button><button class="jp-btn jp-btn--small" type="button" :aria-label="'Change ' + one.name" @click="$refs.channel.open(one)"><JpIcon name="pencil" />Change…</button>
            <button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Delete ' + one.name" :disabled="one.rules > 0" :title="one.rules ? 'Take it out of its rules first' : null" @click="asked('channel', one)"><JpIcon name="bin" />Delete…</button></div></li></ul></section>
      <section v-if="messages.length" class="jp-card" aria-labelledby="jp-al-sent"><div class="jp-card__head"><h2 id="jp-al-sent">Messages</h2></div>
        <ul class="jp-calendars"><li v-for="one in messages" :key="one.id"><div class="jp-calendars__what">
          <details v-if="one.body"><summary class="jp-alerts__title">{{ one.title }}</summary><pre class="jp-alerts__body jp-mono" tabindex="0" :aria-label="one.title">{{ one.body }}</pre></details><h3 v-else class="jp-alerts__title">{{ plural(one.notices, 'alert') }}</h3>
          <p class="jp-small jp-muted"><JpTime :at="one.done_at || one.created_at" /> · {{ one.channel.name }}<template v-if="one.tries > 1"> · {{ plural(one.tries, 'try', 'tries') }}</template><template v-if="one.send_at"> · next {{ at(one.send_at) }}</template></p><p v-if="one.error" class="jp-small jp-alerts__error">{{ one.error }}</p></div>
          <span class="jp-chip" :class="'jp-tone--' + fates[one.state].tone"><JpIcon :name="fates[one.state].icon" />{{ fates[one.state].word }}</span></li></ul>
        <div v-if="next" class="jp-card__foot"><span></span><button class="jp-btn jp-btn--small jp-bar__end" type="button" @click="more">Show older ones</button></div></section>
    </div>
    <RuleDialog ref="rule" @done="load" /><ChannelDialog ref="channel" @done="load" />
    <dialog class="jp-dialog" ref="sure" aria-labelledby="jp-al-sure"><template v-if="ask">
      <div class="jp-dialog__head"><h2 id="jp-al-sure">{{ ask.what === 'snooze' ? 'Snooze this rule?' : ask.what === 'rule' ? 'Delete this rule?' : 'Delete ' + ask.one.name + '?' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.sure.close()"><JpIcon name="cross" /></button></div>
      <div class="jp-dialog__body"><p v-if="ask.what === 'channel'">Its messages go with it: what became of them is forgotten.</p><p v-else><strong>{{ said(ask.one) }}</strong>, {{ scope(ask.one) }}</p>
        <div v-if="ask.what === 'snooze'" class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Cancel</button><button v-for="one in snoozes" :key="one" class="jp-btn" type="button" @click="snooze(ask.one, one)">{{ seconds(one) }}</button></div>
        <div v-else class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Keep it</button><button class="jp-btn jp-btn--danger" type="button" @click="remove">Delete it</button></div></div></template></dialog>
  </div>`,
  data: () => ({ holding: [], rules: [], channels: [], messages: [], next: null, loaded: false, error: "", ask: null, trying: null, most: 5, isOlder: false, snoozes: SNOOZES, kinds: CHANNELS, fates: FATES }),
  async created() {
    this.timer = setInterval(() => { if (document.visibilityState === "visible" && !document.querySelector("dialog[open]")) this.load(); }, EVERY_MS);
    await this.load();
    const id = fromUrl("job");
    const job = id && this.channels.length ? await api(`/jobs/${id}`).catch(() => null) : null;
    if (job) this.$refs.rule.open(null, { job, channels: this.channels });
  },
  beforeUnmount() { clearInterval(this.timer); },
  methods: {
    plural, seconds, said: ruleSaid, scope: scopeSaid,
    at: (iso) => local(iso),
    names: (rule) => rule.channels.map((one) => one.name).join(", "),
    snoozed: (rule) => rule.snoozed_until && Date.parse(rule.snoozed_until) > Date.now(),
    newRule() { this.$refs.rule.open(null, { channels: this.channels }); },
    async load() {
      try {
        const [holding, rules, channels, sent] = await Promise.all(["holding", "rules", "channels", "deliveries?limit=20"].map((path) => api(`/alerts/${path}`)));
        Object.assign(this, { holding: holding.items, rules: rules.items, channels: channels.items, loaded: true, error: "" });
        if (!this.isOlder) Object.assign(this, { messages: sent.items, next: sent.next });
      } catch (error) { if (!this.loaded) this.error = error.message; }
    },
    async more() {
      const answer = await attempt(() => api(`/alerts/deliveries?limit=50&before=${this.next}`), null);
      if (answer) Object.assign(this, { messages: [...this.messages, ...answer.items], next: answer.next, isOlder: true });
    },
    asked(what, one) { this.ask = { what, one }; this.$nextTick(() => this.$refs.sure.showModal()); },
    async snooze(rule, length) {
      this.$refs.sure.close();
      await attempt(() => api(`/alerts/rules/${rule.id}/snooze`, { method: "POST", body: { for_s: length } }));
      await this.load();
    },
    async remove() {
      this.$refs.sure.close();
      const { what, one } = this.ask;
      await attempt(() => api(`/alerts/${what}s/${one.id}`, { method: "DELETE" }));
      await this.load();
    },
    async tryOut(channel) {
      this.trying = channel.id;
      const sent = await attempt(() => api(`/alerts/channels/${channel.id}/test`, { method: "POST" }), null);
      if (sent) toast(`A message is on its way to ${channel.name}. Below is what becomes of it.`);
      await this.load();
      this.trying = null;
    },
  },
};
