// Who may sign in, and what each may do: invited by a link that is shown once, changed and shut out here.
import { parts } from "jp_format";
import { api, attempt, me, toast } from "jp_core";
import { GRANTED, OnceDialog, ROLES, TokensCard, whereOf } from "jp_people";

export default {
  components: { ...parts, OnceDialog, TokensCard },
  template: `
  <div>
    <div class="jp-head"><div class="jp-head__title"><h1>Users</h1><span class="jp-head__sub">Who may sign in, and what each may do</span></div>
      <div class="jp-head__do"><button class="jp-btn jp-btn--main" type="button" @click="edit(null)"><JpIcon name="plus" />New user</button></div></div>
    <div class="jp-people">
    <section class="jp-card" aria-label="Users" :aria-busy="!loaded && !error">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The users cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !users.length" class="jp-empty"><JpIcon name="person" /><h2>No users yet</h2><p>Whom you invite gets a link, and chooses a password with it.</p></div>
      <ul v-else class="jp-calendars"><li v-for="one in users" :key="one.id">
        <div class="jp-calendars__what"><h2>{{ one.name }} <span v-if="one.name === me.name" class="jp-chip jp-tone--queued"><JpIcon name="person" />You</span><span v-if="one.disabled_at" class="jp-chip jp-tone--skipped"><JpIcon name="ban" />Disabled</span><span v-else-if="!one.has_password && !one.seen_at" class="jp-chip jp-tone--queued"><JpIcon name="clock" />Invited</span></h2>
          <p>{{ roles[one.role].word }}<template v-for="[folder, role] in grantsOf(one)" :key="folder"> · {{ roles[role].word }} <span class="jp-muted">{{ whereOf(folder) }}</span></template></p>
          <p class="jp-small jp-muted"><template v-if="one.disabled_at">Disabled <JpRelative :at="one.disabled_at" /></template><template v-else-if="one.seen_at">Last seen <JpRelative :at="one.seen_at" /></template><template v-else-if="!one.has_password">Has not chosen a password yet</template><template v-else>Signed in nowhere</template></p></div>
        <div class="jp-calendars__do">
          <button v-if="one.disabled_at" class="jp-btn jp-btn--small" type="button" :aria-label="'Enable ' + one.name" @click="enable(one)">Enable</button>
          <template v-else><button class="jp-btn jp-btn--small" type="button" :aria-label="'Change ' + one.name" @click="edit(one)"><JpIcon name="pencil" />Change…</button>
          <button class="jp-btn jp-btn--small" type="button" :aria-label="'New link for ' + one.name" title="To choose a new password, once" @click="link(one)"><JpIcon name="link" />New link…</button>
          <button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Disable ' + one.name" :disabled="isLast(one)" :title="isLast(one) ? lastWords : null" @click="ask(one)">Disable…</button></template></div></li></ul>
    </section>
    <TokensCard everybody ref="tokens" /></div>

    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-user-title" @close="form = null"><template v-if="form">
      <div class="jp-dialog__head"><h2 id="jp-user-title">{{ form.id ? 'Change ' + form.name : 'New user' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" novalidate autocomplete="off" @submit.prevent="save">
        <div v-if="!form.id" class="jp-field"><label for="jp-u-name">Name</label><input id="jp-u-name" class="jp-input" v-model="form.name" maxlength="60" autocomplete="off" autocapitalize="none" spellcheck="false" v-bind="marks('name')">
          <span v-if="wrong.name" id="jp-u-name-error" class="jp-error"><JpIcon name="warning" />{{ wrong.name }}</span></div>
        <fieldset class="jp-choices" :disabled="form.isLast"><legend class="jp-label">What they may do everywhere</legend>
          <label v-for="(it, key) in roles" :key="key" class="jp-choice"><input type="radio" name="jp-u-role" :value="key" v-model="form.role"><span>{{ it.word }}<span class="jp-hint">{{ it.text }}</span></span></label></fieldset>
        <p v-if="form.isLast" class="jp-hint">{{ lastWords }}</p>
        <div v-if="form.role === 'viewer' || form.role === 'operator'" class="jp-field"><span class="jp-label" id="jp-u-more">And more in folders of scripts</span>
          <ul v-if="form.grants.length" class="jp-grants" aria-labelledby="jp-u-more"><li v-for="(grant, index) in form.grants" :key="index">
            <input class="jp-input jp-mono" v-model="grant.folder" maxlength="400" placeholder="finance/daily" autocomplete="off" spellcheck="false" :aria-label="'Folder, line ' + (index + 1)" v-bind="marks('folder')">
            <select class="jp-select jp-select--w" v-model="grant.role" :aria-label="'Role, line ' + (index + 1)"><option v-for="key in granted" :key="key" :value="key">{{ roles[key].word }}</option></select>
            <button class="jp-iconbtn" type="button" :aria-label="'Remove line ' + (index + 1)" @click="form.grants.splice(index, 1)"><JpIcon name="cross" /></button></li></ul>
          <span v-if="wrong.folder" id="jp-u-folder-error" class="jp-error"><JpIcon name="warning" />{{ wrong.folder }}</span>
          <div><button class="jp-btn jp-btn--small" type="button" @click="form.grants.push({ folder: '', role: 'operator' })"><JpIcon name="plus" />Add a folder</button></div></div>
        <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
        <div class="jp-dialog__do"><span v-if="form.id" class="jp-hint jp-dialog__note">Their open pages load again.</span>
          <button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy">{{ form.id ? 'Save changes' : 'Create user' }}</button></div>
      </form></template></dialog>
    <dialog class="jp-dialog" ref="sure" aria-labelledby="jp-disable-title"><template v-if="asked">
      <div class="jp-dialog__head"><h2 id="jp-disable-title">Disable {{ asked.name }}?</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.sure.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="disable"><p>They are signed out at once, and their tokens are refused. What they did stays in the activity under their name. You can enable them again.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Cancel</button><button class="jp-btn jp-btn--danger" type="submit">Disable {{ asked.name }}</button></div></form></template></dialog>
    <OnceDialog ref="once" />
  </div>`,
  data: () => ({ me, roles: ROLES, granted: GRANTED, users: [], loaded: false, error: "", form: null, wrong: {}, busy: false, asked: null, lastWords: "The only admin who can sign in stays one. Make another one first." }),
  created() { this.load(); },
  methods: {
    whereOf,
    grantsOf: (one) => (one.role === "viewer" || one.role === "operator" ? Object.entries(one.grants) : []),
    isLast(one) {
      const able = this.users.filter((other) => other.role === "admin" && !other.disabled_at && other.has_password);
      return able.length === 1 && able[0].id === one.id;
    },
    marks(field) { return this.wrong[field] ? { "aria-invalid": "true", "aria-describedby": `jp-u-${field}-error` } : {}; },
    async load() {
      try {
        Object.assign(this, { users: (await api("/users")).items, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    edit(one) {
      const grants = Object.entries(one?.grants ?? {}).map(([folder, role]) => ({ folder, role }));
      this.form = { id: one?.id, name: one?.name ?? "", role: one?.role ?? "viewer", grants, isLast: Boolean(one) && this.isLast(one) };
      Object.assign(this, { wrong: {}, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    async save() {
      const { id, name, role } = this.form;
      const grants = Object.fromEntries(this.form.grants.filter((one) => one.folder.trim()).map((one) => [one.folder.trim(), one.role]));
      this.wrong = id || name.trim() ? {} : { name: "Give the user a name." };
      if (!this.wrong.name) await this.send(id, id ? { role, grants } : { name, role, grants });
      this.$nextTick(() => this.$refs.dialog.querySelector("[aria-invalid=true]")?.focus());
    },
    async send(id, body) {
      this.busy = true;
      try {
        const made = await api(id ? `/users/${id}` : "/users", { method: id ? "PATCH" : "POST", body });
        this.$refs.dialog.close();
        if (id) toast(`Saved ${made.name}.`);
        else this.show(made.name, made.link);
        await this.load();
      } catch (error) {
        this.wrong = { [["name", "folder"].includes(error.field) ? error.field : "other"]: error.message };
      }
      this.busy = false;
    },
    show(name, value) {
      this.$refs.once.open({ title: `Link for ${name}`, text: "Whoever opens it chooses the password, once and within three days. Give it to nobody else.", value });
    },
    async link(one) {
      const answer = await attempt(() => api(`/users/${one.id}/link`, { method: "POST" }), null);
      if (answer) this.show(one.name, answer.link);
    },
    ask(one) { this.asked = one; this.$nextTick(() => this.$refs.sure.showModal()); },
    disable() { this.$refs.sure.close(); return this.set(this.asked, true, `${this.asked.name} is shut out.`); },
    enable(one) { return this.set(one, false, `${one.name} may sign in again.`); },
    async set(one, disabled, words) {
      await attempt(async () => {
        await api(`/users/${one.id}`, { method: "PATCH", body: { disabled } });
        toast(words);
      });
      await this.load();
    },
  },
};
