// What the Overview shows where there is no job yet: the way to the first one.
import { parts, plural } from "jp_format";
import { api } from "jp_core";
import { JpUpload } from "jp_upload";

const SHOWN = 6;

export const JpWelcome = {
  components: { ...parts, JpUpload },
  template: `
  <section class="jp-card jp-welcome" aria-labelledby="jp-welcome" :aria-busy="!loaded && !error">
    <h2 id="jp-welcome">Make your first job</h2>
    <p>A job is a script and when it runs. Choose a script to begin with.</p>
    <div v-if="refused || error" class="jp-notice jp-tone--failed" role="alert"><JpIcon name="warning" /><span>{{ refused || error }}</span></div>
    <ul v-if="scripts.length" class="jp-welcome__scripts"><li v-for="name in scripts.slice(0, shown)" :key="name"><a class="jp-welcome__script" :href="newJob(name)"><JpIcon name="lines" /><span class="jp-mono">{{ name }}</span><JpIcon name="chevron" /></a></li></ul>
    <div class="jp-empty__do"><JpUpload v-if="upload_bytes" :main="!scripts.length" :limit="upload_bytes" @stored="list($event.name)" @refused="refused = $event" @finished="begin" /><a v-if="scripts.length > shown" class="jp-btn" href="/scripts">All {{ plural(scripts.length, 'script') }}</a></div>
    <p v-if="loaded && !upload_bytes" class="jp-hint">{{ scripts.length ? 'Further scripts go' : 'There is no script yet: put a .py or .sh file' }} into <code>{{ root }}</code>.</p>
    <p v-else-if="loaded" class="jp-hint">You can also drop a file on this page.</p>
  </section>`,
  data: () => ({ shown: SHOWN, scripts: [], upload_bytes: 0, root: "", loaded: false, refused: "", error: "" }),
  async created() {
    try {
      const { items, upload_bytes, root } = await api("/scripts");
      Object.assign(this, { scripts: items, upload_bytes, root, loaded: true });
    } catch (error) { this.error = error.message; }
  },
  methods: {
    plural,
    newJob: (name) => `/jobs/new?script=${encodeURIComponent(name)}`,
    list(name) { if (!this.scripts.includes(name)) this.scripts.unshift(name); },
    // Not before the last of several files: the page that is left asks nothing and says nothing.
    begin({ names, isWhole }) { if (names.length && isWhole) location.href = this.newJob(names[0]); },
  },
};
