// What is stored as secrets and who uses it. A value is typed here, sent once, and never seen again.
import { parts, plural } from "jp_format";
import { api, attempt, toast } from "jp_core";
import { heldBy } from "jp_controls";

const FIELDS = ["name", "value", "description"];

export default {
  components: parts,
  template: `
  <div>
    <div class="jp-head"><div class="jp-head__title"><h1>Secrets</h1><span class="jp-head__sub">Passwords and keys that scripts need and nobody should read</span></div>
      <div class="jp-head__do"><button class="jp-btn jp-btn--main" type="button" @click="edit(null)"><JpIcon name="plus" />New secret</button></div></div>
    <div class="jp-card" :aria-busy="!loaded && !error">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The secrets cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !secrets.length" class="jp-empty"><JpIcon name="key" /><h2>No secrets yet</h2>
        <p>A secret has a name, such as DB_PASSWORD. A job that uses it gives its scripts the value as a variable or as a file; nothing shows it again, this page neither.</p>
        <div class="jp-empty__do"><button class="jp-btn jp-btn--main" type="button" @click="edit(null)">New secret</button></div></div>
      <ul v-else class="jp-calendars"><li v-for="secret in secrets" :key="secret.name">
        <div class="jp-calendars__what"><h2 class="jp-mono">{{ secret.name }}</h2>
          <p v-if="secret.description">{{ secret.description }}</p>
          <p class="jp-small jp-muted">Value set {{ heldBy(secret.changed_by) }}<JpRelative :at="secret.changed_at" /> ·
            <template v-if="secret.used_by.length">used by <template v-for="(job, index) in secret.used_by.slice(0, 4)" :key="job.id">{{ index ? ', ' : '' }}<a class="jp-link" :href="'/jobs/' + job.id">{{ job.name }}</a></template><template v-if="secret.used_by.length > 4"> and {{ plural(secret.used_by.length - 4, 'other job') }}</template></template><template v-else>used by no job</template></p></div>
        <div class="jp-calendars__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="'Change ' + secret.name" @click="edit(secret)"><JpIcon name="pencil" />Change…</button>
          <button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Delete ' + secret.name" :disabled="secret.used_by.length > 0" :title="secret.used_by.length ? 'Take it out of its jobs first' : null" @click="ask(secret)"><JpIcon name="bin" />Delete…</button></div></li></ul>
      <p v-if="loaded && secrets.length" class="jp-card__foot">Stored sealed, and opened only by the executor that runs the script.</p>
    </div>

    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-secret-title" @close="forget"><template v-if="form">
      <div class="jp-dialog__head"><h2 id="jp-secret-title">{{ form.known ? 'Change ' + form.name : 'New secret' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" novalidate autocomplete="off" @submit.prevent="save">
        <div v-if="!form.known" class="jp-field"><label for="jp-s-name">Name</label>
          <input id="jp-s-name" class="jp-input jp-mono" :value="form.name" maxlength="64" placeholder="DB_PASSWORD" autocomplete="off" autocapitalize="characters" spellcheck="false" v-bind="marks('name')" @input="rename">
          <span v-if="wrong.name" id="jp-s-name-error" class="jp-error"><JpIcon name="warning" />{{ wrong.name }}</span><span v-else id="jp-s-name-hint" class="jp-hint">Capital letters, digits and _: scripts read it as a variable of this name.</span></div>
        <div class="jp-field"><div class="jp-secret__label"><label class="jp-label" for="jp-s-value">{{ form.known ? 'New value' : 'Value' }} <span v-if="form.known" class="jp-hint">empty: it stays as it is</span></label>
            <button class="jp-btn jp-btn--small" type="button" :aria-pressed="form.seen" aria-controls="jp-s-value" @click="form.seen = !form.seen">{{ form.seen ? 'Hide' : 'Show' }}</button></div>
          <textarea id="jp-s-value" class="jp-area jp-mono" :class="{ 'jp-secret__veil': !form.seen }" rows="3" v-model="form.value" autocomplete="off" autocapitalize="off" spellcheck="false" data-lpignore="true" v-bind="marks('value')"></textarea>
          <span v-if="wrong.value" id="jp-s-value-error" class="jp-error"><JpIcon name="warning" />{{ wrong.value }}</span><span v-else id="jp-s-value-hint" class="jp-hint">Given as it is typed, line breaks too. It cannot be looked up afterwards.</span></div>
        <div class="jp-field"><label for="jp-s-description">Description <span class="jp-hint">optional</span></label>
          <input id="jp-s-description" class="jp-input" v-model="form.description" maxlength="400" autocomplete="off" v-bind="marks('description')"><span v-if="wrong.description" id="jp-s-description-error" class="jp-error"><JpIcon name="warning" />{{ wrong.description }}</span></div>
        <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
        <div class="jp-dialog__do"><span v-if="form.users" class="jp-hint jp-dialog__note">Runs of {{ plural(form.users, 'job') }} that start from now on get the new value.</span>
          <button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy">{{ form.known ? 'Save changes' : 'Store secret' }}</button></div>
      </form></template></dialog>
    <dialog class="jp-dialog" ref="sure" aria-labelledby="jp-unsecret-title"><template v-if="asked">
      <div class="jp-dialog__head"><h2 id="jp-unsecret-title">Delete {{ asked.name }}?</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.sure.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="remove"><p>Its value is gone then: nobody can bring it back.</p>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.sure.close()">Keep it</button><button class="jp-btn jp-btn--danger" type="submit">Delete it</button></div></form></template></dialog>
  </div>`,
  data: () => ({ secrets: [], loaded: false, error: "", form: null, wrong: {}, busy: false, asked: null }),
  created() { this.load(); },
  methods: {
    plural, heldBy,
    marks(field) { return this.wrong[field] ? { "aria-invalid": "true", "aria-describedby": `jp-s-${field}-error` } : field === "description" ? {} : { "aria-describedby": `jp-s-${field}-hint` }; },
    rename(event) { this.form.name = event.target.value = event.target.value.toUpperCase().replace(/[\s-]/g, "_"); },
    async load() {
      try { this.take(await api("/secrets")); } catch (error) { this.error = error.message; }
    },
    take(answer) { Object.assign(this, { secrets: answer.items, loaded: true, error: "" }); },
    edit(secret) {
      this.form = { known: Boolean(secret), name: secret?.name ?? "", description: secret?.description ?? "", value: "", seen: false, users: secret?.used_by.length ?? 0 };
      Object.assign(this, { wrong: {}, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    forget() { this.form = null; }, // however the dialog is left: what was typed is not kept
    async save() {
      const { known, name, value, description } = this.form;
      this.wrong = { ...(name ? {} : { name: "Give the secret a name." }), ...(known || value ? {} : { value: "Type the value." }) };
      if (!Object.keys(this.wrong).length) await this.send(name, { description, value: value || null });
      this.$nextTick(() => this.$refs.dialog.querySelector("[aria-invalid=true]")?.focus());
    },
    async send(name, body) {
      this.busy = true;
      try {
        this.take(await api(`/secrets/${encodeURIComponent(name)}`, { method: "PUT", body }));
        this.$refs.dialog.close();
        toast(body.value ? `${name} is stored.` : `Saved ${name}.`);
      } catch (error) {
        this.wrong = { [FIELDS.includes(error.field) ? error.field : "other"]: error.message };
      }
      this.busy = false;
    },
    ask(secret) { this.asked = secret; this.$nextTick(() => this.$refs.sure.showModal()); },
    async remove() {
      this.$refs.sure.close();
      const { name } = this.asked;
      const answer = await attempt(() => api(`/secrets/${name}`, { method: "DELETE" }), null);
      if (!answer) return this.load();
      this.take(answer);
      toast(`Deleted ${name}.`);
    },
  },
};
