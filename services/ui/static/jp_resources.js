// What a run may use of its machine: a part of the job form, and its words.
import { bytes, parts, plural, seconds as inWords } from "jp_format";
import { Length } from "jp_retries";
import { FieldError, inUnits, UNITS, whole } from "jp_schedule";
import { word } from "jp_words";

const SIZES = { MB: 1e6, GB: 1e9 };
const FIELDS = ["memory_bytes", "processes", "open_files", "disk_bytes", "cpu_s", "nice", "resources"];

export const isResource = (field) => FIELDS.includes(field);

function sizeOf(count) {
  const unit = count >= SIZES.GB ? "GB" : "MB";
  return { amount: count ? String(count / SIZES[unit]) : "", unit };
}

export function resourcesOf(job) {
  const { memory_bytes: memory, disk_bytes: disk, cpu_s: cpu, processes, open_files: files, nice } = job?.resources ?? {};
  return {
    memory: sizeOf(memory), disk: sizeOf(disk), cpu: cpu ? inUnits(cpu) : { amount: "", unit: "m" },
    processes: String(processes ?? ""), files: String(files ?? ""), nice: String(nice || ""),
  };
}

// Empty means "as much as there is"; what is no number goes to the server as it is, which says so at the field.
const number = (text) => whole(text) ?? (text.trim() || null);
const size = ({ amount, unit }) => (/^\d+(\.\d+)?$/.test(amount.trim()) ? Math.round(Number(amount) * SIZES[unit]) : amount.trim() || null);
const length = ({ amount, unit }) => (whole(amount) === null ? amount.trim() || null : whole(amount) * UNITS[unit][0]);

export function resourcesDraft({ memory, disk, cpu, processes, files, nice }) {
  const all = { memory_bytes: size(memory), processes: number(processes), open_files: number(files), disk_bytes: size(disk), cpu_s: length(cpu), nice: number(nice) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

// What a run may use, in words; "" where nothing is said of it.
export function resourcesSaid(resources) {
  const { memory_bytes: memory, disk_bytes: disk, cpu_s: cpu, processes, open_files: files, nice } = resources;
  if (Object.values(resources).some((one) => typeof one !== "number")) return "";
  const most = [
    memory && `${bytes(memory)} of memory`, processes && plural(processes, "process", "processes"), files && plural(files, "open file"),
    disk && `${bytes(disk)} of disk`, cpu && `${inWords(cpu)} of CPU time`,
  ].filter(Boolean).join(", ");
  return [most && `At most ${most}`, nice && `nice\u00a0${nice}`].filter(Boolean).join("; ");
}

const Size = {
  props: { value: Object, id: String, label: String, hint: String, error: String },
  components: { FieldError },
  template: `<div class="jp-field"><label :for="id">{{ label }}</label><div class="jp-line">
    <input :id="id" class="jp-input jp-input--n" inputmode="decimal" autocomplete="off" placeholder="any" v-model="value.amount" :aria-invalid="error ? 'true' : null" :aria-describedby="(error ? id + '-error ' : '') + id + '-hint'">
    <label class="jp-clip" :for="id + '-unit'">Unit</label><select :id="id + '-unit'" class="jp-select jp-select--w" v-model="value.unit"><option v-for="(factor, unit) in units" :key="unit">{{ unit }}</option></select></div>
    <span :id="id + '-hint'" class="jp-hint">{{ hint }}</span><FieldError :id="id + '-error'" :text="error" /></div>`,
  data: () => ({ units: SIZES }),
};

export const JpResources = {
  components: { ...parts, FieldError, Length, Size },
  props: { resources: Object, errors: Object },
  template: `
  <details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Resources</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body"><div class="jp-form__pair">
      <Size id="jp-f-memory_bytes" label="Memory" hint="Of all its processes together. A run that uses more is stopped." :value="resources.memory" :error="said('memory_bytes')" />
      <Length id="jp-f-cpu_s" label="CPU time" hint="Of all its processes together. A run that uses more is stopped." :value="resources.cpu" :error="said('cpu_s')" />
      <Size id="jp-f-disk_bytes" label="Disk" hint="In its own folder, and of each file that it writes." :value="resources.disk" :error="said('disk_bytes')" />
      <div v-for="[field, name, label, holder, hint] in numbers" :key="field" class="jp-field"><label :for="'jp-f-' + field">{{ label }}</label>
        <div class="jp-line"><input :id="'jp-f-' + field" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" :placeholder="holder" v-model="resources[name]" :aria-invalid="said(field) ? 'true' : null" :aria-describedby="(said(field) ? 'jp-e-' + field + ' ' : '') + 'jp-h-' + field"></div>
        <span :id="'jp-h-' + field" class="jp-hint">{{ hint }}</span><FieldError :id="'jp-e-' + field" :text="said(field)" /></div>
    </div><FieldError id="jp-e-resources" :text="said('resources')" /></div></details>`,
  data: () => ({
    numbers: [
      ["processes", "processes", "Processes and threads", word("any"), "At the same time."],
      ["open_files", "files", "Open files", word("any"), "Of each process."],
      ["nice", "nice", "Gives way to others", "0", "0 to 19: its nice value. 19 takes only what nobody else wants."],
    ],
  }),
  computed: { summary() { return resourcesSaid(resourcesDraft(this.resources)) || "As much as there is"; } },
  methods: {
    said(field) { return this.errors[field]?.text ?? ""; },
    open() { this.$refs.box.open = true; },
  },
};
