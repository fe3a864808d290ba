// The files that an attempt left to be kept.
import { bytes, parts, plural } from "jp_format";
import { query } from "jp_core";

export const JpFiles = {
  components: parts,
  props: { items: Array, run: String, attempt: Number },
  template: `
  <section class="jp-card jp-files" aria-labelledby="jp-files-title">
    <div class="jp-card__head"><h2 id="jp-files-title">Files</h2><span class="jp-muted jp-small">{{ sum }}</span></div>
    <ul class="jp-files__list"><li v-for="item in items" :key="item.name">
      <a class="jp-files__one" :href="hrefOf(item)" :title="'Download, SHA-256 ' + item.sha256" download><JpIcon name="download" /><span class="jp-files__name jp-mono">{{ item.name }}</span><span class="jp-muted jp-small">{{ bytes(item.size) }}</span></a></li></ul>
  </section>`,
  computed: {
    sum() { return `${plural(this.items.length, "file")}, ${bytes(this.items.reduce((sum, item) => sum + item.size, 0))}`; },
  },
  methods: {
    bytes,
    hrefOf(item) { return `/api/v1/runs/${this.run}/artifacts/${item.name.split("/").map(encodeURIComponent).join("/")}${query({ attempt: this.attempt })}`; },
  },
};
