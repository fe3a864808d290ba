// The secrets of a job in the form: which of those that are stored its runs are given, and how.
import { parts, plural } from "jp_format";
import { api } from "jp_core";
import { FieldError } from "jp_schedule";

// By name, so that a change of the order is no change.
export const usesOf = (job) => Object.fromEntries((job?.secrets ?? []).map((use) => [use.name, use.as_file ? "file" : "variable"]));
export const usesDraft = (uses) => Object.entries(uses).map(([name, way]) => ({ name, as_file: way === "file" }));

export const JpSecrets = {
  components: { ...parts, FieldError },
  props: { uses: Object, error: String },
  template: `
  <details class="jp-rules" ref="box"><summary id="jp-f-secrets" class="jp-rules__head" :aria-describedby="error ? 'jp-e-secrets' : null"><JpIcon name="chevron" /><span class="jp-label">Secrets</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body">
      <ul v-if="shown.length" class="jp-uses"><li v-for="one in shown" :key="one.name">
        <label class="jp-check jp-uses__name" :title="one.description"><input type="checkbox" :checked="one.name in uses" @change="toggle(one.name)"><span class="jp-mono">{{ one.name }}</span></label>
        <span v-if="!one.isStored" class="jp-uses__gone"><JpIcon name="warning" />not stored</span>
        <select v-if="one.name in uses" class="jp-select jp-uses__way" v-model="uses[one.name]" :aria-label="'How ' + one.name + ' is given'"><option value="variable">As variable {{ one.name }}</option><option value="file">As file, path in {{ one.name }}_FILE</option></select>
        <span v-else class="jp-hint jp-uses__about">{{ one.description }}</span></li></ul>
      <p v-else class="jp-hint">None is stored yet.</p>
      <p class="jp-hint">Store others under <a class="jp-link" href="/secrets" target="_blank" rel="noopener">Secrets</a>. <button class="jp-btn jp-btn--small" type="button" @click="load">Look again</button></p>
      <FieldError id="jp-e-secrets" :text="error" />
    </div></details>`,
  data: () => ({ stored: [], known: false }),
  created() { this.load(); },
  computed: {
    // What is chosen and gone stays in the list: it must be seen to be taken out.
    shown() {
      const names = new Set(this.stored.map((one) => one.name));
      const gone = this.known ? Object.keys(this.uses).filter((name) => !names.has(name)) : [];
      return [...gone.map((name) => ({ name, description: "", isStored: false })), ...this.stored.map((one) => ({ ...one, isStored: true }))];
    },
    summary() {
      const names = Object.keys(this.uses).sort();
      return names.length > 3 ? plural(names.length, "secret") : names.join(", ") || "None";
    },
  },
  methods: {
    async load() {
      const answer = await api("/secrets").catch(() => null);
      if (answer) Object.assign(this, { stored: answer.items, known: true });
    },
    toggle(name) { if (name in this.uses) delete this.uses[name]; else this.uses[name] = "variable"; },
    open() { this.$refs.box.open = true; },
  },
};
