// People and tokens, as the pages of both show them: what roles mean, what is shown once, whose tokens are.
import { parts } from "jp_format";
import { api, attempt, lacks, me, toast } from "jp_core";
import { word } from "jp_words";

export const ROLES = {
  viewer: { word: "Viewer", text: "Looks at everything, and changes nothing." },
  operator: { word: "Operator", text: "Looks at everything; runs, cancels, pauses and holds back." },
  editor: { word: "Editor", text: "Does what operators do, and changes jobs, scripts, calendars and secrets." },
  admin: { word: "Admin", text: "Does what editors do, and says who may do what." },
};
export const GRANTED = ["operator", "editor"];
const DAYS = [[7, "7 days"], [30, "30 days"], [90, "90 days"], [366, "1 year"]];

// Where a role holds: a folder of scripts, or everything.
export const whereOf = (folder) => (folder ? `in scripts/${folder}` : word("everywhere"));

// What is told once: a link or a token. `open({ title, text, value })`; whoever leaves has seen it for the last time.
export const OnceDialog = {
  components: parts,
  template: `
  <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-once-title" @close="forget">
    <template v-if="it">
      <div class="jp-dialog__head"><h2 id="jp-once-title">{{ it.title }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <div class="jp-dialog__body"><p>{{ it.text }}</p>
        <div class="jp-once"><input ref="value" class="jp-input jp-mono" readonly :value="it.value" :aria-label="it.title" @focus="$event.target.select()"><button class="jp-btn" type="button" @click="copy">Copy</button></div>
        <p class="jp-warn"><JpIcon name="warning" />Copy it now: it is not shown again.</p>
        <div class="jp-dialog__do"><span class="jp-hint jp-dialog__note" role="status">{{ said }}</span><button class="jp-btn jp-btn--main" type="button" @click="close">Done</button></div></div>
    </template>
  </dialog>`,
  data: () => ({ it: null, said: "" }),
  methods: {
    open(it) {
      Object.assign(this, { it, said: "" });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    forget() { this.it = null; },
    async copy() {
      this.$refs.value.focus();
      try {
        await navigator.clipboard.writeText(this.it.value);
        this.said = "Copied.";
      } catch { this.said = "Browsers copy only on https and on localhost. Press Ctrl+C: it is selected."; }
    },
  },
};

// The tokens of whoever looks, or with `everybody` those of all; only one's own are made here.
export const TokensCard = {
  components: { ...parts, OnceDialog },
  props: { everybody: Boolean },
  template: `
  <section class="jp-card" aria-labelledby="jp-tokens" :aria-busy="!loaded && !error">
    <div class="jp-card__head"><h2 id="jp-tokens">{{ everybody ? 'Tokens of everybody' : 'API tokens' }}</h2>
      <button v-if="!everybody" class="jp-btn jp-btn--small" type="button" @click="make"><JpIcon name="plus" />New token</button></div>
    <p v-if="error" class="jp-people__none jp-error" role="alert"><JpIcon name="warning" />{{ error }}</p>
    <p v-else-if="loaded && !items.length" class="jp-people__none jp-muted">{{ everybody ? 'Nobody has a token.' : 'None yet. With a token a program does what you may do, or less: it shows it instead of a password.' }}</p>
    <ul v-else class="jp-calendars"><li v-for="one in items" :key="one.id">
      <div class="jp-calendars__what"><h3>{{ one.name }} <span v-if="isOver(one)" class="jp-chip jp-tone--skipped"><JpIcon name="clock" />Expired</span></h3>
        <p>{{ roles[one.role].word }} <span class="jp-muted">{{ whereOf(one.folder) }}</span></p>
        <p class="jp-small jp-muted"><span class="jp-mono">{{ one.prefix }}…</span><template v-if="everybody"> · of {{ one.owner }}</template> · <template v-if="isOver(one)">expired</template><template v-else>expires</template> <JpTime :at="one.expires_at" look="when" /> · <template v-if="one.last_used_at">used <JpRelative :at="one.last_used_at" /></template><template v-else>never used</template></p></div>
      <div class="jp-calendars__do"><button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Revoke ' + one.name" @click="ask(one)">Revoke…</button></div></li></ul>

    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-token-title" @close="form = null"><template v-if="form">
      <div class="jp-dialog__head"><h2 id="jp-token-title">New token</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" novalidate autocomplete="off" @submit.prevent="save">
        <div class="jp-field"><label for="jp-t-name">Name</label><input id="jp-t-name" class="jp-input" v-model="form.name" maxlength="60" autocomplete="off" placeholder="nightly deploy" v-bind="marks('name')">
          <span v-if="wrong.name" id="jp-t-name-error" class="jp-error"><JpIcon name="warning" />{{ wrong.name }}</span><span v-else id="jp-t-name-hint" class="jp-hint">Says later which program has it.</span></div>
        <div class="jp-form__pair">
          <div class="jp-field"><label for="jp-t-role">Role</label><select id="jp-t-role" class="jp-select" v-model="form.role" v-bind="marks('role')"><option v-for="key in able" :key="key" :value="key">{{ roles[key].word }}</option></select>
            <span v-if="wrong.role" id="jp-t-role-error" class="jp-error"><JpIcon name="warning" />{{ wrong.role }}</span><span v-else id="jp-t-role-hint" class="jp-hint">{{ roles[form.role].text }}</span></div>
          <div class="jp-field"><label for="jp-t-days">Expires after</label><select id="jp-t-days" class="jp-select" v-model="form.expires_days"><option v-for="[days, text] in lengths" :key="days" :value="days">{{ text }}</option></select></div>
        </div>
        <div class="jp-field"><label for="jp-t-folder">Only in a folder of scripts <span class="jp-hint">optional</span></label><input id="jp-t-folder" class="jp-input jp-mono" v-model="form.folder" maxlength="400" autocomplete="off" spellcheck="false" placeholder="finance/daily" v-bind="marks('folder')">
          <span v-if="wrong.folder" id="jp-t-folder-error" class="jp-error"><JpIcon name="warning" />{{ wrong.folder }}</span><span v-else id="jp-t-folder-hint" class="jp-hint">Empty: everywhere that you may. Folders below it count, too.</span></div>
        <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy">Make token</button></div>
      </form></template></dialog>
    <dialog class="jp-dialog" ref="sure" aria-labelledby="jp-revoke-title"><template v-if="asked">
      <div class="jp-dialog__head"><h2 id="jp-revoke-title">Revoke {{ asked.name }}?</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.sure.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="revoke"><p>Whatever shows it is refused from then on. It cannot be brought back.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Keep it</button><button class="jp-btn jp-btn--danger" type="submit">Revoke it</button></div></form></template></dialog>
    <OnceDialog ref="once" />
  </section>`,
  data: () => ({ items: [], loaded: false, error: "", form: null, wrong: {}, busy: false, asked: null, roles: ROLES, lengths: DAYS }),
  created() { this.load(); },
  computed: {
    able: () => Object.keys(ROLES).filter((role) => !lacks(role) || Object.values(me.grants).some((granted) => granted === role || (granted === "editor" && role === "operator"))),
  },
  methods: {
    whereOf,
    isOver: (one) => Date.parse(one.expires_at) <= Date.now(),
    marks(field) { return this.wrong[field] ? { "aria-invalid": "true", "aria-describedby": `jp-t-${field}-error` } : { "aria-describedby": `jp-t-${field}-hint` }; },
    async load() {
      try {
        const { items } = await api(`/tokens${this.everybody ? "?everybody=true" : ""}`);
        Object.assign(this, { items, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    make() {
      Object.assign(this, { form: { name: "", role: this.able[0], folder: "", expires_days: 90 }, wrong: {}, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    async save() {
      const folder = this.form.folder.trim() || null;
      this.wrong = this.form.name.trim() ? {} : { name: "Give the token a name." };
      if (!this.wrong.name) await this.send({ ...this.form, folder });
      this.$nextTick(() => this.$refs.dialog.querySelector("[aria-invalid=true]")?.focus());
    },
    async send(body) {
      this.busy = true;
      try {
        const made = await api("/tokens", { method: "POST", body });
        this.$refs.dialog.close();
        this.$refs.once.open({ title: `Token ${made.name}`, text: "A program sends it in the header Authorization: Bearer; the command line takes it from PORTAL_TOKEN.", value: made.token });
        await this.load();
      } catch (error) {
        this.wrong = { [["name", "role", "folder"].includes(error.field) ? error.field : "other"]: error.message };
      }
      this.busy = false;
    },
    ask(one) { this.asked = one; this.$nextTick(() => this.$refs.sure.showModal()); },
    async revoke() {
      this.$refs.sure.close();
      const { id, name } = this.asked;
      await attempt(async () => {
        await api(`/tokens/${id}`, { method: "DELETE" });
        toast(`Revoked ${name}.`);
      });
      await this.load();
    },
  },
};
