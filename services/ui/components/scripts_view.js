// The scripts directory by its folders, and one script with its text. Whatever stands in a file is a text node.
import { bytes, parts, plural } from "jp_format";
import { api, toast } from "jp_core";
import { shortHash } from "jp_script";
import { JpUpload } from "jp_upload";

const textOf = (name) => `/scripts?name=${encodeURIComponent(name)}`;
const folderOf = (name) => name.slice(0, name.lastIndexOf("/") + 1);

const JpUsers = {
  props: { of: Object },
  template: `<span class="jp-scripts__users jp-small jp-muted"><template v-if="of.job_count">used by <template v-for="(job, index) in of.jobs" :key="job.id">{{ index ? ', ' : '' }}<a class="jp-link" :href="'/jobs/' + job.id">{{ job.name }}</a></template><template v-if="of.job_count > of.jobs.length"> and {{ plural(of.job_count - of.jobs.length, 'other job') }}</template></template><template v-else>used by no job</template></span>`,
  methods: { plural },
};

export default {
  components: { ...parts, JpUpload, JpUsers },
  props: { name: String },
  template: `
  <div :aria-busy="!loaded && !error">
    <div class="jp-head"><div class="jp-head__title">
        <nav v-if="name" class="jp-crumbs" aria-label="You are here"><a href="/scripts">Scripts</a></nav>
        <h1 :class="{ 'jp-mono': name }">{{ name || 'Scripts' }}</h1><span v-if="!name" class="jp-head__sub">What is in the scripts folder, and which jobs run it</span></div>
      <div v-if="script && script.is_runnable" class="jp-head__do"><a class="jp-btn jp-btn--main" :href="newJob(name)"><JpIcon name="plus" />New job with this script</a></div>
      <div v-else-if="!name && upload_bytes" class="jp-head__do"><JpUpload main :limit="upload_bytes" @stored="stored" @refused="refused = $event" /></div></div>
    <div v-if="refused" class="jp-notice jp-tone--failed" role="alert"><JpIcon name="warning" /><span>{{ refused }}</span></div>
    <div v-if="error" class="jp-card jp-empty"><JpIcon name="warning" /><h2>{{ name ? 'The script cannot be shown' : 'The scripts cannot be shown' }}</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>

    <template v-else-if="script">
      <div v-if="script.problem" class="jp-notice jp-tone--missed"><JpIcon name="warning" /><span>{{ script.problem }}</span></div>
      <section class="jp-card" aria-label="The script">
        <div class="jp-card__head jp-script__facts jp-small"><span>{{ bytes(script.size) }}</span><span>changed <JpRelative :at="script.changed_at" /></span><span v-if="script.sha256" class="jp-mono jp-muted" :title="'SHA-256 ' + script.sha256">{{ shortHash(script.sha256) }}</span><JpUsers :of="script" /></div>
        <div v-if="script.text !== null" class="jp-script" role="region" aria-label="Text" tabindex="0"><pre class="jp-script__numbers" aria-hidden="true">{{ numbers }}</pre><pre class="jp-script__text">{{ script.text }}</pre></div>
      </section></template>

    <template v-else-if="loaded">
      <div v-if="items.length > 10" class="jp-bar" role="search"><div class="jp-bar__search"><JpIcon name="search" /><input class="jp-input" type="search" data-jp-search aria-label="Search scripts" placeholder="Search name" v-model="q" autocomplete="off" spellcheck="false"></div></div>
      <section v-if="missing.length" class="jp-card jp-scripts" aria-labelledby="jp-missing"><div class="jp-card__head"><h2 id="jp-missing">Missing</h2><span class="jp-hint">Jobs name them, and their runs fail</span></div>
        <ul><li v-for="one in missing" :key="one.name"><span class="jp-scripts__name jp-mono jp-bad"><JpIcon name="warning" />{{ one.name }}</span><JpUsers :of="one" /></li></ul></section>
      <div v-if="!items.length" class="jp-card jp-empty"><JpIcon name="lines" /><h2>No scripts yet</h2><p>{{ upload_bytes ? 'Upload a .py or .sh file, drop it on this page, or put it into the scripts folder' : 'Put a .py or .sh file into the scripts folder' }}, and it is listed here.</p></div>
      <div v-else-if="!folders.length" class="jp-card jp-empty"><JpIcon name="search" /><h2>No script matches</h2><button class="jp-btn" type="button" @click="q = ''">Clear the search</button></div>
      <section v-for="[folder, files] in folders" :key="folder" class="jp-card jp-scripts" :aria-label="folder || 'scripts'">
        <div class="jp-card__head"><h2 class="jp-mono">{{ folder || 'scripts/' }}</h2><span class="jp-hint">{{ plural(files.length, 'file') }}</span></div>
        <ul><li v-for="one in files" :key="one.name">
          <a v-if="!one.problem" class="jp-scripts__name jp-mono jp-link" :href="textOf(one.name)">{{ one.name.slice(folder.length) }}</a><span v-else class="jp-scripts__name jp-mono jp-muted">{{ one.name.slice(folder.length) }}</span>
          <JpUsers v-if="!one.problem || one.job_count" :of="one" /><span v-if="one.problem" class="jp-small jp-muted">{{ one.problem }}</span>
          <span class="jp-scripts__size jp-small jp-muted">{{ bytes(one.size) }} · <JpRelative :at="one.changed_at" /></span></li></ul></section>
      <p v-if="cut" class="jp-hint">There are more files than are listed here.</p>
      <p class="jp-hint jp-scripts__root">The scripts folder is <code>{{ root }}</code>. {{ upload_bytes ? 'Files can be dropped on this page.' : 'The portal may not write there: put scripts there yourself.' }}</p></template>
  </div>`,
  data: () => ({ loaded: false, error: "", refused: "", q: "", items: [], missing: [], cut: false, root: "", upload_bytes: 0, script: null }),
  computed: {
    numbers() { return this.script.text.replace(/\n$/, "").split("\n").map((_, index) => index + 1).join("\n"); },
    folders() {
      const wanted = this.q.trim().toLowerCase();
      const found = new Map();
      for (const one of this.items) {
        if (!one.name.toLowerCase().includes(wanted)) continue;
        const folder = folderOf(one.name);
        found.set(folder, [...(found.get(folder) ?? []), one]);
      }
      return [...found].sort(([one], [other]) => (one < other ? -1 : 1));
    },
  },
  created() { this.load(); },
  methods: {
    bytes, plural, shortHash, textOf,
    newJob: (name) => `/jobs/new?script=${encodeURIComponent(name)}`,
    stored(script) {
      this.refused = "";
      toast(`Stored ${script.name}.`, { href: this.newJob(script.name), linkText: "New job" });
      this.load();
    },
    async load() {
      this.error = "";
      try {
        if (this.name) this.script = await api(`/scripts/text?name=${encodeURIComponent(this.name)}`);
        else Object.assign(this, await api("/scripts/folder"));
        this.loaded = true;
      } catch (error) {
        this.error = error.message;
      }
    },
  },
};
