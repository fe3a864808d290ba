// The Settings page: what a person prefers, and what the portal was told when it was started.
import { bytes, parts, prefs } from "jp_format";
import { Preferences } from "jp_prefs";

const LEVELS = { isolated: "Isolated", restricted: "Restricted", process: "Process only" };
const USUAL_DAYS = 90;
const DATABASES = { sqlite: "SQLite", postgresql: "PostgreSQL" };

export default {
  components: { ...parts, Preferences },
  props: { facts: Object },
  template: `
  <div class="jp-settings">
    <section class="jp-card" aria-labelledby="jp-set-mine"><div class="jp-card__head"><h2 id="jp-set-mine">For you</h2></div>
      <div class="jp-settings__mine"><Preferences name="jp-set" />
        <p class="jp-hint">These choices are yours in every browser that you sign in with.</p></div></section>
    <section class="jp-card" aria-labelledby="jp-set-all"><div class="jp-card__head"><h2 id="jp-set-all">As it was started</h2><span class="jp-muted jp-small">version {{ facts.version }}</span></div>
      <dl class="jp-settings__facts"><div v-for="fact in rows" :key="fact.set">
        <dt>{{ fact.name }}</dt><dd><span class="jp-settings__value">{{ fact.value }}</span><span v-if="fact.note" class="jp-hint">{{ fact.note }}</span></dd>
        <dd class="jp-small" :class="{ 'jp-mono': fact.set === fact.set.toUpperCase() }">{{ fact.set }}</dd></div></dl>
      <p class="jp-settings__foot jp-hint">These are environment variables of the services. Change one where they are started, then start them again.</p></section>
  </div>`,
  data: () => ({ prefs }),
  computed: {
    rows() {
      const { database, zone, scripts, upload_bytes: uploadBytes, sandboxes, keep_bytes: keepBytes, max_output: maxOutput, extensions } = this.facts;
      const levels = sandboxes.map((level) => LEVELS[level] ?? level).join(", ");
      return [
        { name: "Database", value: DATABASES[database] ?? database, set: "PORTAL_DATABASE_URL" },
        { name: "Usual time zone", value: zone, note: "Of schedules and people that choose none.", set: "PORTAL_DEFAULT_ZONE" },
        { name: "Scripts folder", value: scripts, note: uploadBytes ? `Scripts of up to ${bytes(uploadBytes)} can be uploaded there.` : "The portal may not write there.", set: "PORTAL_SCRIPTS_DIR" },
        { name: "Files that are run", value: extensions.join(", "), note: "Besides executables with a first line that says how.", set: "PORTAL_INTERPRETERS" },
        { name: "Sandbox", value: levels || "No executor is online", note: "What the executors that are online offer.", set: "PORTAL_SANDBOX" },
        { name: "Output of a run", value: `Up to ${bytes(maxOutput)}`, note: "Unless its job says otherwise.", set: "in the job's form" },
        { name: "Output of a job's runs", value: `Up to ${bytes(keepBytes)}`, note: "Unless the job says otherwise.", set: "PORTAL_KEEP_BYTES" },
        { name: "Runs are kept for", value: `${USUAL_DAYS} days`, note: "Unless the job or the scheduler is told otherwise.", set: "PORTAL_KEEP_DAYS" },
        { name: "Reached at", value: this.facts.host, note: "Behind it, a proxy may speak https for everybody else.", set: "PORTAL_UI_HOST" },
      ];
    },
  },
};
