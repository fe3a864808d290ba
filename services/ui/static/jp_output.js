// What is kept of a job's output, and what its scripts reach: a part of the job form, and its words.
import { lacksLevel } from "jp_core";
import { bytes, parts } from "jp_format";
import { FieldError } from "jp_schedule";

const USUAL = 10_000_000; // bytes, as shared/domain/job.py has it
const UNITS = { KB: 1e3, MB: 1e6, GB: 1e9 };
const LEVELS = { any: "Any", restricted: "Restricted", isolated: "Isolated" };
const FIELDS = ["max_output_bytes", "merge_output", "network", "min_sandbox"];

export const isOutput = (field) => FIELDS.includes(field);

export function outputOf(job) {
  const most = job?.max_output_bytes ?? USUAL;
  const unit = Object.keys(UNITS).findLast((key) => most >= UNITS[key]) ?? "KB";
  return { most: String(most / UNITS[unit]), unit, merged: job?.merge_output ?? false, alone: job?.network === "none", least: job?.min_sandbox ?? "any", pool: job?.pool ?? "default" };
}

const amount = ({ most, unit }) => (/^\d+(\.\d+)?$/.test(most.trim()) ? Math.round(Number(most) * UNITS[unit]) : null);

export const outputDraft = (output) => ({ max_output_bytes: amount(output), merge_output: output.merged, network: output.alone ? "none" : "host", min_sandbox: output.least });

export const outputProblem = (output) => (amount(output) === null ? "Type a number, such as 10." : "");

const atLeast = (least) => (least === "isolated" ? "isolated only" : `${least} or better`);

// What a job does that others do not; "" where it is the usual.
export function outputSaid({ max_output_bytes: most, merge_output: merged, network, min_sandbox: least }) {
  return [most !== USUAL && `Up to ${bytes(most)} of a run are kept`, merged && "stdout and stderr are one stream", network === "none" && "no network", least !== "any" && atLeast(least)].filter(Boolean).join("; ");
}

export const JpOutput = {
  components: { ...parts, FieldError },
  props: { output: Object, errors: Object },
  template: `
  <details class="jp-rules" ref="box"><summary class="jp-rules__head"><JpIcon name="chevron" /><span class="jp-label">Output and network</span><span class="jp-hint">{{ summary }}</span></summary>
    <div class="jp-rules__body"><div class="jp-form__pair">
      <div class="jp-field"><label for="jp-f-max_output_bytes">Keep of each run at most</label>
        <div class="jp-line"><input id="jp-f-max_output_bytes" class="jp-input jp-input--n" inputmode="decimal" autocomplete="off" v-model="output.most" :aria-invalid="error ? 'true' : null" :aria-describedby="(error ? 'jp-e-max_output_bytes ' : '') + 'jp-h-max_output_bytes'">
          <label class="jp-clip" for="jp-f-max_output_bytes-unit">Unit</label><select id="jp-f-max_output_bytes-unit" class="jp-select jp-select--w" v-model="output.unit"><option v-for="(factor, unit) in units" :key="unit">{{ unit }}</option></select></div>
        <span id="jp-h-max_output_bytes" class="jp-hint">100 KB to 1 GB. Beyond it the beginning and the end are kept.</span><FieldError id="jp-e-max_output_bytes" :text="error" /></div>
      <div class="jp-field"><span class="jp-label">Streams</span>
        <label class="jp-check"><input id="jp-f-merge_output" type="checkbox" v-model="output.merged" aria-describedby="jp-h-merge_output">Merge stderr into stdout</label>
        <span id="jp-h-merge_output" class="jp-hint">Their lines keep their exact order, but nobody sees which were errors.</span></div>
      <div class="jp-field"><span class="jp-label">Network</span>
        <label class="jp-check"><input id="jp-f-network" type="checkbox" v-model="output.alone" aria-describedby="jp-h-network">No network</label>
        <span id="jp-h-network" class="jp-hint">The script reaches nothing outside of itself.</span></div>
      <div class="jp-field"><label for="jp-f-min_sandbox">Sandbox, at least</label>
        <select id="jp-f-min_sandbox" class="jp-select" v-model="output.least" aria-describedby="jp-h-min_sandbox jp-w-min_sandbox"><option v-for="(word, key) in levels" :key="key" :value="key">{{ word }}</option></select>
        <span id="jp-h-min_sandbox" class="jp-hint">It waits for an executor that fences scripts in so well.</span>
        <span id="jp-w-min_sandbox" aria-live="polite"><span v-if="lacking" class="jp-warn"><JpIcon name="warning" />{{ lacking }}</span></span></div>
    </div></div></details>`,
  data: () => ({ units: UNITS, levels: LEVELS }),
  computed: {
    error() { return this.errors.max_output_bytes?.text ?? ""; },
    lacking() { return lacksLevel({ pool: this.output.pool, min_sandbox: this.output.least }); },
    summary() {
      const most = amount(this.output);
      return [most === null ? "" : `At most ${bytes(most)}`, this.output.merged ? "one stream" : "stdout and stderr apart", this.output.alone && "no network", this.output.least !== "any" && atLeast(this.output.least)].filter(Boolean).join(" · ");
    },
  },
  methods: { open() { this.$refs.box.open = true; } },
};
