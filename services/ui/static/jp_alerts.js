// Rules and channels of alerts: how they are said, and the dialogs that ask for them.
import { parts, prefs, seconds } from "jp_format";
import { api, debounced, toast } from "jp_core";
import { FieldError, JpCombo } from "jp_schedule";

const MINUTE = 60, HOUR = 3600, DAY = 86400;

const KINDS = {
  failed: { word: "A run fails", hint: "It failed, reached its time limit, or was lost." },
  "timed-out": { word: "A run reaches its time limit" },
  lost: { word: "A run is lost", hint: "Its executor fell silent." },
  missed: { word: "A run is missed", hint: "Nobody was there to start it in time." },
  late: { word: "A run starts late", after: "Late is more than", usual: 10 * MINUTE },
  "no-success": { word: "No success for a while", after: "For so long", usual: DAY, hint: "A dead man's switch: it speaks when nothing happens. A paused job is left out." },
  slow: { word: "A run takes far longer than usual", factor: "Times of what 95 of 100 take", hint: "It speaks while the run still goes on." },
  fast: { word: "A run is far quicker than usual", factor: "Times quicker than half of them" },
  "executor-offline": { word: "An executor is offline", after: "For so long", usual: 5 * MINUTE, whole: true },
  "queue-old": { word: "Runs wait too long", after: "For so long", usual: 10 * MINUTE, whole: true },
};

export function ruleSaid(rule) {
  const long = seconds(rule.after_s);
  return {
    failed: rule.in_a_row > 1 ? `A job fails ${rule.in_a_row} times in a row` : "A run fails",
    late: `A run starts more than ${long} late`, "no-success": `No success for ${long}`,
    slow: `A run takes ${rule.factor} times as long as usual`, fast: `A run is ${rule.factor} times as quick as usual`,
    "executor-offline": `An executor is offline for ${long}`, "queue-old": `Runs wait for more than ${long}`,
  }[rule.kind] ?? KINDS[rule.kind].word;
}

export function scopeSaid(rule) {
  if (KINDS[rule.kind].whole) return "of the whole portal";
  return rule.scope === "folder" ? `scripts in ${rule.folder}` : rule.scope === "job" ? rule.job_name ?? "one job" : "every job";
}

const UNITS = [["min", MINUTE], ["h", HOUR], ["d", DAY]];
const inUnits = (value) => { const unit = [DAY, HOUR, MINUTE].find((one) => value % one === 0) ?? MINUTE; return { count: value / unit, unit }; };

// What somebody wants to be told. `open(rule or null, { job, channels })`; emits `done`.
export const RuleDialog = {
  components: { ...parts, FieldError, JpCombo },
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-rule-title"><template v-if="form">
    <div class="jp-dialog__head"><h2 id="jp-rule-title">{{ form.id ? 'Change the rule' : 'New rule' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
    <form class="jp-dialog__body jp-alertform" novalidate @submit.prevent="save">
      <div class="jp-field"><label for="jp-al-kind">Tell when</label>
        <select id="jp-al-kind" class="jp-select" v-model="form.kind" @change="chosen"><option v-for="(one, key) in kinds" :key="key" :value="key">{{ one.word }}</option></select>
        <span v-if="kind.hint" class="jp-hint">{{ kind.hint }}</span></div>
      <div v-if="form.kind === 'failed'" class="jp-field"><label for="jp-al-row">Failures in a row</label>
        <input id="jp-al-row" class="jp-input jp-alertform__number" type="number" min="1" max="100" v-model.number="form.in_a_row"><FieldError id="jp-al-row-e" :text="wrong.in_a_row" /></div>
      <div v-if="kind.after" class="jp-field"><label for="jp-al-after">{{ kind.after }}</label>
        <div class="jp-line"><input id="jp-al-after" class="jp-input jp-alertform__number" type="number" min="1" v-model.number="form.after.count">
          <label class="jp-clip" for="jp-al-unit">Unit</label><select id="jp-al-unit" class="jp-select jp-select--w" v-model.number="form.after.unit"><option v-for="[word, size] in units" :key="size" :value="size">{{ unitWord(word) }}</option></select></div>
        <FieldError id="jp-al-after-e" :text="wrong.after_s" /></div>
      <div v-if="kind.factor" class="jp-field"><label for="jp-al-factor">{{ kind.factor }}</label>
        <input id="jp-al-factor" class="jp-input jp-alertform__number" type="number" min="1.1" max="100" step="0.1" v-model.number="form.factor"><FieldError id="jp-al-factor-e" :text="wrong.factor" /></div>
      <div v-if="!kind.whole" class="jp-field"><label for="jp-al-scope">Of</label>
        <select id="jp-al-scope" class="jp-select" v-model="form.scope"><option v-if="form.kind !== 'no-success'" value="all">Every job</option><option v-if="form.kind !== 'no-success'" value="folder">Jobs whose scripts are in a folder</option><option value="job">One job</option></select>
        <template v-if="form.scope === 'folder'"><label class="jp-clip" for="jp-al-folder">Folder</label><input id="jp-al-folder" class="jp-input jp-mono" v-model="form.folder" placeholder="finance/daily" maxlength="255" autocomplete="off" spellcheck="false"></template>
        <template v-if="form.scope === 'job'"><label class="jp-clip" for="jp-al-job">Job</label><JpCombo id="jp-al-job" plain label="Jobs" placeholder="Name of a job" :options="names" :model-value="form.job" @update:model-value="named" /></template>
        <FieldError id="jp-al-scope-e" :text="wrong.scope || wrong.folder || wrong.job_id" /></div>
      <fieldset class="jp-field"><legend class="jp-label">Tell it to</legend>
        <p v-if="!channels.length" class="jp-hint">There is no channel yet. Make one first, then the rule.</p>
        <label v-for="one in channels" :key="one.id" class="jp-check"><input type="checkbox" :value="one.id" v-model="form.channels">{{ one.name }}</label><FieldError id="jp-al-channels-e" :text="wrong.channels" /></fieldset>
      <fieldset class="jp-field"><legend class="jp-label">And then</legend>
        <label class="jp-check"><input type="checkbox" v-model="form.tells_end">Tell when it is over</label>
        <label class="jp-check"><input type="checkbox" v-model="form.reminds">Remind while it lasts, every<select class="jp-select" aria-label="How often" v-model.number="form.remind_s" :disabled="!form.reminds"><option v-for="one in reminders" :key="one" :value="one">{{ seconds(one) }}</option></select></label>
        <label class="jp-check"><input type="checkbox" v-model="form.is_on">The rule is on</label></fieldset>
      <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy || !channels.length">{{ form.id ? 'Save changes' : 'Make the rule' }}</button></div>
    </form></template></dialog>`,
  data: () => ({ form: null, wrong: {}, busy: false, channels: [], names: [], ids: {}, kinds: KINDS, units: UNITS, reminders: [HOUR, 4 * HOUR, 12 * HOUR, DAY, 7 * DAY] }),
  created() { this.find = debounced((text) => this.search(text), 150); },
  computed: { kind() { return KINDS[this.form.kind]; } },
  methods: {
    seconds,
    unitWord: (unit) => ({ min: "minutes", h: "hours", d: "days" })[unit],
    open(rule, { job = null, channels }) {
      const of = rule?.job_id ? { id: rule.job_id, name: rule.job_name ?? "" } : job;
      if (of) this.ids[of.name] = of.id;
      this.form = {
        id: rule?.id ?? null, kind: rule?.kind ?? "failed", in_a_row: rule?.in_a_row ?? 1, after: inUnits(rule?.after_s ?? 10 * MINUTE), factor: rule?.factor ?? 3,
        scope: rule?.scope ?? (job ? "job" : "all"), folder: rule?.folder ?? "", job: of?.name ?? "", channels: (rule?.channels ?? (channels.length === 1 ? channels : [])).map((one) => one.id),
        tells_end: rule?.tells_end ?? true, reminds: Boolean(rule?.remind_s), remind_s: rule?.remind_s ?? DAY, is_on: rule?.is_on ?? true,
      };
      if (!this.reminders.includes(this.form.remind_s)) this.reminders = [...this.reminders, this.form.remind_s].sort((a, b) => a - b);
      Object.assign(this, { channels, wrong: {}, busy: false });
      this.search(this.form.job);
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    chosen() {
      if (this.kind.usual) this.form.after = inUnits(this.kind.usual);
      if (this.kind.whole) this.form.scope = "all";
      if (this.form.kind === "no-success") this.form.scope = "job";
    },
    named(name) { this.form.job = name; this.find(name); },
    async search(text) {
      const answer = await api(`/jobs?limit=100&q=${encodeURIComponent(text.trim())}`).catch(() => ({ items: [] }));
      for (const job of answer.items) this.ids[job.name] = job.id;
      this.names = answer.items.map((job) => job.name);
    },
    async save() {
      const { id, kind, in_a_row: inARow, after, factor, scope, folder, job, channels, tells_end: tellsEnd, reminds, remind_s: remind, is_on: isOn } = this.form;
      const body = {
        kind, in_a_row: inARow, factor, scope: this.kind.whole ? "all" : scope, channels, tells_end: tellsEnd, remind_s: reminds ? remind : null, is_on: isOn,
        ...(this.kind.after ? { after_s: Math.round(after.count * after.unit) } : {}), ...(scope === "folder" ? { folder } : {}), ...(scope === "job" ? { job_id: this.ids[job.trim()] ?? null } : {}),
      };
      this.busy = true;
      try {
        await api(id ? `/alerts/rules/${id}` : "/alerts/rules", { method: id ? "PUT" : "POST", body });
        this.$refs.dialog.close();
        toast(id ? "The rule is saved." : "The rule is made.");
        this.$emit("done");
      } catch (error) {
        this.wrong = { [["in_a_row", "after_s", "factor", "scope", "folder", "job_id", "channels"].includes(error.field) ? error.field : "other"]: error.message };
      }
      this.busy = false;
    },
  },
};

const ACCOUNT = ["host", "port", "security", "user", "password", "sender", "to"];

// Where messages go. What was stored of an address is never seen again: an empty field keeps it.
export const ChannelDialog = {
  components: { ...parts, FieldError },
  emits: ["done"],
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-chan-title" @close="form = null"><template v-if="form && secret">
    <div class="jp-dialog__head"><h2 id="jp-chan-title">The secret of {{ form.name }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
    <div class="jp-dialog__body"><p>Every message is signed with it, as Standard Webhooks says. The receiver needs it to tell ours from others. It is shown this once.</p>
      <input class="jp-input jp-mono" readonly aria-label="Secret" :value="secret" @focus="$event.target.select()">
      <div class="jp-dialog__do"><button class="jp-btn jp-btn--main" type="button" @click="$refs.dialog.close()">I have it</button></div></div></template>
  <template v-else-if="form">
    <div class="jp-dialog__head"><h2 id="jp-chan-title">{{ form.id ? 'Change ' + form.known : 'New channel' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
    <form class="jp-dialog__body jp-alertform" novalidate autocomplete="off" @submit.prevent="save">
      <div class="jp-field"><label for="jp-ch-name">Name</label><input id="jp-ch-name" class="jp-input" v-model="form.name" maxlength="60" placeholder="On-call phone"><FieldError id="jp-ch-name-e" :text="wrong.name" /></div>
      <div v-if="!form.id" class="jp-field"><label for="jp-ch-kind">Kind</label><select id="jp-ch-kind" class="jp-select" v-model="form.kind"><option value="mail">E-mail</option><option value="apprise">Chat, phone or another service</option><option value="webhook">Webhook</option></select></div>
      <p v-if="form.id" class="jp-hint">Its address is sealed. Fill in a new one, or leave these fields empty: it stays.</p>
      <template v-if="form.kind === 'mail'">
        <div class="jp-form__pair"><div class="jp-field"><label for="jp-ch-to">To</label><input id="jp-ch-to" class="jp-input" v-model="form.to" placeholder="ops@example.com" autocomplete="off"><FieldError id="jp-ch-to-e" :text="wrong.to" /></div>
          <div class="jp-field"><label for="jp-ch-sender">From</label><input id="jp-ch-sender" class="jp-input" v-model="form.sender" placeholder="portal@example.com" autocomplete="off"><FieldError id="jp-ch-sender-e" :text="wrong.sender" /></div></div>
        <div class="jp-form__pair"><div class="jp-field"><label for="jp-ch-host">Mail server</label><input id="jp-ch-host" class="jp-input jp-mono" v-model="form.host" placeholder="smtp.example.com" autocomplete="off" spellcheck="false"><FieldError id="jp-ch-host-e" :text="wrong.host" /></div>
          <div class="jp-field"><label for="jp-ch-security">Encryption</label><select id="jp-ch-security" class="jp-select" v-model="form.security"><option value="starttls">STARTTLS, port 587</option><option value="ssl">TLS, port 465</option><option value="insecure">None, port 25</option></select></div></div>
        <div class="jp-form__pair"><div class="jp-field"><label for="jp-ch-user">User <span class="jp-hint">optional</span></label><input id="jp-ch-user" class="jp-input" v-model="form.user" autocomplete="off" spellcheck="false"><FieldError id="jp-ch-user-e" :text="wrong.user" /></div>
          <div class="jp-field"><label for="jp-ch-password">Password <span class="jp-hint">optional</span></label><input id="jp-ch-password" class="jp-input" type="password" v-model="form.password" autocomplete="new-password"></div></div>
        <div class="jp-field"><label for="jp-ch-port">Another port <span class="jp-hint">optional</span></label><input id="jp-ch-port" class="jp-input jp-alertform__number" v-model="form.port" inputmode="numeric" autocomplete="off"><FieldError id="jp-ch-port-e" :text="wrong.port" /></div></template>
      <div v-else class="jp-field"><label for="jp-ch-address">{{ form.kind === 'webhook' ? 'Address' : 'Address as Apprise writes it' }}</label>
        <textarea id="jp-ch-address" class="jp-area jp-mono" rows="2" v-model="form.address" :placeholder="form.kind === 'webhook' ? 'https://' : 'slack://…  tgram://…  ntfys://…'" autocomplete="off" spellcheck="false"></textarea>
        <FieldError v-if="wrong.address" id="jp-ch-address-e" :text="wrong.address" /><span v-else class="jp-hint">{{ form.kind === 'webhook' ? 'It gets a signed POST with JSON.' : 'One of more than a hundred services. It is stored sealed, and never shown again.' }}</span></div>
      <fieldset class="jp-field"><legend class="jp-label">Quiet hours</legend>
        <label class="jp-check"><input type="checkbox" v-model="form.isQuiet">Keep messages back at these hours</label>
        <div v-if="form.isQuiet" class="jp-line"><input class="jp-input jp-alertform__time" type="time" aria-label="Quiet from" v-model="form.begins"><span class="jp-muted">to</span><input class="jp-input jp-alertform__time" type="time" aria-label="Quiet to" v-model="form.ends"><span class="jp-hint">{{ form.zone }}</span></div><FieldError id="jp-ch-quiet-e" :text="wrong.quiet" /></fieldset>
      <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
      <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy">{{ form.id ? 'Save changes' : 'Store the channel' }}</button></div>
    </form></template></dialog>`,
  data: () => ({ form: null, wrong: {}, busy: false, secret: "" }),
  methods: {
    open(channel) {
      const quiet = channel?.quiet;
      this.form = {
        id: channel?.id ?? null, known: channel?.name ?? "", name: channel?.name ?? "", kind: channel?.kind ?? "mail", address: "",
        host: "", port: "", security: "starttls", user: "", password: "", sender: "", to: "",
        isQuiet: Boolean(quiet), begins: quiet?.begins ?? "22:00", ends: quiet?.ends ?? "07:00", zone: quiet?.zone ?? prefs.zone,
      };
      Object.assign(this, { wrong: {}, busy: false, secret: "" });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    async save() {
      const { id, name, kind, address, isQuiet, begins, ends, zone } = this.form;
      const account = Object.fromEntries(ACCOUNT.map((field) => [field, this.form[field]]));
      const isTyped = ACCOUNT.some((field) => field !== "security" && account[field]);
      const body = { name, kind, ...(kind === "mail" ? (isTyped || !id ? { account } : {}) : { address }), quiet: isQuiet ? { begins, ends, zone } : null };
      this.busy = true;
      try {
        const answer = await api(id ? `/alerts/channels/${id}` : "/alerts/channels", { method: id ? "PUT" : "POST", body });
        this.secret = answer.secret ?? "";
        if (!this.secret) this.$refs.dialog.close();
        toast(`${name} is stored.`);
        this.$emit("done");
      } catch (error) {
        this.wrong = { [["name", "address", "quiet", ...ACCOUNT].includes(error.field) ? error.field : "other"]: error.message };
      }
      this.busy = false;
    },
  },
};
