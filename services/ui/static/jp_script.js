// Which version of a script a job runs: its hash in short, and what is said of one that has changed.
import { local, parts } from "jp_format";
import { api, attempt, toast } from "jp_core";

export const shortHash = (sha256) => (sha256 ? sha256.slice(0, 12) : "");

// Of a job that runs one version only: says when another one is there, and accepts it.
export const JpPinned = {
  components: parts,
  props: { job: Object },
  emits: ["changed", "judged"],
  template: `
  <div v-if="refused" class="jp-notice jp-tone--failed jp-pinned"><JpIcon name="warning" /><span>{{ refused }}</span>
    <button v-if="now.sha256" class="jp-btn jp-btn--small" type="button" :disabled="busy" @click="accept">Accept the new script</button></div>`,
  data: () => ({ now: null, busy: false }),
  computed: {
    refused() {
      const { job, now } = this;
      if (!now || job.pinning !== "strict" || job.deleted_at || now.sha256 === job.pinned_sha256) return "";
      return now.problem || `${now.name} is not the script that was saved on ${local(job.pinned_at)}. Its runs fail, and nothing is started, until somebody accepts it.`;
    },
  },
  watch: { refused(text) { this.$emit("judged", Boolean(text)); } },
  created() { this.load(); },
  methods: {
    async load() {
      if (this.job.pinning === "strict") this.now = await api(`/jobs/${this.job.id}/script`).catch(() => null);
    },
    async accept() {
      this.busy = true;
      const job = await attempt(() => api(`/jobs/${this.job.id}/accept-script`, { method: "POST", body: { sha256: this.now.sha256 } }), null);
      this.busy = false;
      if (!job) return this.load();
      this.$emit("changed", job);
      toast("Accepted. Runs that start from now on use the new script.");
    },
  },
};
