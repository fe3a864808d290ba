// The page about oneself: who one is here, one's password, browsers and tokens.
import { parts } from "jp_format";
import { api, attempt, me, toast } from "jp_core";
import { ROLES, TokensCard, whereOf } from "jp_people";
import { word } from "jp_words";

const CHANGED = "#password-changed";

// "Firefox, Linux": what a program calls itself, as far as people call it so. Those come first that pretend
// to be others as well.
function browserOf(agent) {
  const browser = (/\b(Edg|OPR|Firefox)\//.exec(agent) ?? /(Chrome|Safari)\//.exec(agent))?.[1];
  const system = (/Windows|Android|iPhone|iPad|Mac OS/.exec(agent) ?? /Linux/.exec(agent))?.[0];
  if (!browser) return agent.slice(0, 60) || word("Unknown program");
  return [{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser, system].filter(Boolean).join(", ");
}

export default {
  components: { ...parts, TokensCard },
  props: { least: Number },
  template: `
  <div class="jp-settings jp-account">
    <section class="jp-card" aria-labelledby="jp-acc-who"><div class="jp-card__head"><h2 id="jp-acc-who">Who you are</h2>
      <form method="post" action="/logout"><button class="jp-btn jp-btn--small" type="submit"><JpIcon name="power" />Sign out</button></form></div>
      <dl class="jp-settings__facts"><div><dt>Name</dt><dd>{{ me.name }}</dd></div>
        <div><dt>Role</dt><dd>{{ roles[me.role].word }}<span class="jp-hint">{{ roles[me.role].text }}</span></dd></div>
        <div v-if="grants.length"><dt>In folders</dt><dd><span v-for="[folder, role] in grants" :key="folder" class="jp-account__grant">{{ roles[role].word }} <span class="jp-muted">{{ whereOf(folder) }}</span></span></dd></div></dl></section>

    <section class="jp-card" aria-labelledby="jp-acc-password"><div class="jp-card__head"><h2 id="jp-acc-password">Password</h2></div>
      <form class="jp-settings__mine jp-account__form" novalidate @submit.prevent="change">
        <input type="text" autocomplete="username" :value="me.name" hidden readonly>
        <div class="jp-field"><label for="jp-a-old">Your password now</label><input id="jp-a-old" class="jp-input" type="password" autocomplete="current-password" maxlength="1000" v-model="form.old" v-bind="marks('old')">
          <span v-if="wrong.old" id="jp-a-old-error" class="jp-error"><JpIcon name="warning" />{{ wrong.old }}</span></div>
        <div class="jp-field"><label for="jp-a-password">New password</label><input id="jp-a-password" class="jp-input" type="password" autocomplete="new-password" maxlength="1000" v-model="form.password" v-bind="marks('password')">
          <span v-if="wrong.password" id="jp-a-password-error" class="jp-error"><JpIcon name="warning" />{{ wrong.password }}</span><span v-else id="jp-a-password-hint" class="jp-hint">At least {{ least }} characters. Four or five words are easy to keep and hard to guess.</span></div>
        <div class="jp-field"><label for="jp-a-again">The new one again</label><input id="jp-a-again" class="jp-input" type="password" autocomplete="new-password" maxlength="1000" v-model="form.again" v-bind="marks('again')">
          <span v-if="wrong.again" id="jp-a-again-error" class="jp-error"><JpIcon name="warning" />{{ wrong.again }}</span></div>
        <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
        <button class="jp-btn" type="submit" :disabled="busy">Change password</button>
        <p class="jp-hint">Every other browser is signed out then. Tokens stay.</p></form></section>

    <section class="jp-card" aria-labelledby="jp-acc-where" :aria-busy="!loaded && !error"><div class="jp-card__head"><h2 id="jp-acc-where">Where you are signed in</h2>
      <button class="jp-btn jp-btn--small" type="button" :disabled="!sessions.length" @click="$refs.sure.showModal()">Sign out everywhere…</button></div>
      <p v-if="error" class="jp-people__none jp-error" role="alert"><JpIcon name="warning" />{{ error }}</p>
      <p v-else-if="loaded && !sessions.length" class="jp-people__none jp-muted">In no browser.</p>
      <ul v-else class="jp-calendars"><li v-for="one in sessions" :key="one.id">
        <div class="jp-calendars__what"><h3>{{ browserOf(one.agent) }} <span v-if="one.is_this" class="jp-chip jp-tone--succeeded"><JpIcon name="check" />This browser</span></h3>
          <p class="jp-small jp-muted"><span class="jp-mono">{{ one.address }}</span> · signed in <JpTime :at="one.created_at" /> · last seen <JpRelative :at="one.seen_at" /></p></div>
        <div v-if="!one.is_this" class="jp-calendars__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="'Sign out ' + browserOf(one.agent)" @click="end(one)">Sign out</button></div></li></ul></section>

    <TokensCard />
    <dialog class="jp-dialog" ref="sure" aria-labelledby="jp-out-title">
      <div class="jp-dialog__head"><h2 id="jp-out-title">Sign out everywhere?</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.sure.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="endAll"><p>Every browser is signed out, this one too. Tokens go on working.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Stay signed in</button><button class="jp-btn jp-btn--danger" type="submit">Sign out everywhere</button></div></form></dialog>
  </div>`,
  data: () => ({ me, roles: ROLES, form: { old: "", password: "", again: "" }, wrong: {}, busy: false, sessions: [], loaded: false, error: "" }),
  computed: { grants: () => Object.entries(me.grants) },
  created() {
    this.load();
    if (location.hash !== CHANGED) return;
    history.replaceState(history.state, "", location.pathname);
    toast("Your password is changed. Every other browser is signed out.");
  },
  methods: {
    browserOf, whereOf,
    marks(field) { return this.wrong[field] ? { "aria-invalid": "true", "aria-describedby": `jp-a-${field}-error` } : field === "password" ? { "aria-describedby": "jp-a-password-hint" } : {}; },
    async load() {
      try {
        Object.assign(this, { sessions: (await api("/me/sessions")).items, loaded: true, error: "" });
      } catch (error) { this.error = error.message; }
    },
    async change() {
      const { old, password, again } = this.form;
      this.wrong = {
        ...(old ? {} : { old: "Type the password that you have now." }), ...(password ? {} : { password: "Type a new password." }),
        ...(again === password ? {} : { again: "This is not what you typed above." }),
      };
      if (!Object.keys(this.wrong).length) await this.send({ old, password });
      this.$nextTick(() => this.$el.querySelector("[aria-invalid=true]")?.focus());
    },
    // Sockets end with their session, before the answer brings the new one: the page is not left for that.
    async send(body) {
      Object.assign(this, { busy: true });
      me.isChanging = true;
      try {
        await api("/me/password", { method: "PUT", body });
        history.replaceState(history.state, "", CHANGED);
        location.reload();
      } catch (error) {
        this.wrong = { [["old", "password"].includes(error.field) ? error.field : "other"]: error.message };
        Object.assign(this, { busy: false });
        me.isChanging = false;
      }
    },
    async end(one) {
      await attempt(async () => {
        await api(`/me/sessions/${one.id}`, { method: "DELETE" });
        toast(`${browserOf(one.agent)} is signed out.`);
      });
      await this.load();
    },
    endAll() { return attempt(async () => { await api("/me/sessions", { method: "DELETE" }); location.assign("/login?out=1"); }); },
  },
};
