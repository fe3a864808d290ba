// Schedules in the job form: what was typed of every kind, what it says to the server, and what the server
// says of it. Switching the kind keeps what was typed; only the kind that is chosen is sent.
import { hasSeconds, parts, prefs, screenSize, tick, until, utc, wallTime, when, zoneOffset } from "jp_format";
import { word } from "jp_words";

export const KINDS = [
  ["manual", "Manual"], ["interval", "Interval"], ["hourly", "Hourly"], ["daily", "Daily"],
  ["weekly", "Weekly"], ["monthly", "Monthly"], ["once", "Once"], ["cron", "Cron"],
];
export const UNITS = { s: [1, word("seconds")], m: [60, word("minutes")], h: [3600, word("hours")], d: [86_400, word("days")], w: [604_800, word("weeks")] };
const DAYS = [["mon", "Mon"], ["tue", "Tue"], ["wed", "Wed"], ["thu", "Thu"], ["fri", "Fri"], ["sat", "Sat"], ["sun", "Sun"]];
const LONG = { mon: "Monday", tue: "Tuesday", wed: "Wednesday", thu: "Thursday", fri: "Friday", sat: "Saturday", sun: "Sunday" };
const NTH = [["1", word("first")], ["2", word("second")], ["3", word("third")], ["4", word("fourth")], ["5", word("fifth")], ["last", word("last")]];
// Where an error of a kind is shown, and where the focus goes, when it names no other field of it.
const MAIN = { interval: "every_s", hourly: "minute", daily: "at", weekly: "at", monthly: "at", once: "at", cron: "expr" };

const FIELDS = {
  interval: ["every_s"], hourly: ["minute"], daily: ["at", "every", "start"], weekly: ["at", "every", "start"],
  monthly: ["at", "day"], once: ["at"], cron: ["expr"],
};

export function inUnits(seconds) {
  const unit = ["w", "d", "h", "m"].find((key) => seconds && seconds % UNITS[key][0] === 0) ?? "s";
  return { amount: String(seconds / UNITS[unit][0]), unit };
}

export const whole = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : null);
export const lines = (text) => text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== "");

let keys = 0;

// What stands in the form for one schedule; `item` is what the server knows of it, if it does.
export function typedOf(item, zone) {
  const rule = item?.schedule ?? { kind: "interval", every_s: 300 };
  const { amount, unit } = inUnits(rule.kind === "interval" ? rule.every_s : 300);
  const tomorrow = wallTime(Date.now() + 86_400_000, zone).slice(0, 10);
  return {
    key: ++keys, id: item?.id ?? null, kind: rule.kind, anchor: rule.anchor ?? null, every: amount, unit,
    minute: String(rule.kind === "hourly" ? rule.minute : 0),
    at: rule.kind !== "once" ? rule.at ?? "09:00" : "09:00",
    everyDays: rule.kind === "daily" ? String(rule.every ?? 1) : "1", everyWeeks: rule.kind === "weekly" ? String(rule.every ?? 1) : "1",
    start: rule.start ?? "", days: rule.days ?? ["mon", "tue", "wed", "thu", "fri"],
    by: rule.kind !== "monthly" || "day" in rule ? (rule.day === "last" ? "last" : "day") : "weekday",
    day: String(Number.isInteger(rule.day) ? rule.day : 1), short: rule.short_months ?? "clamp", nth: String(rule.nth ?? "1"), weekday: rule.weekday ?? "mon",
    once: rule.kind === "once" ? rule.at : `${tomorrow}T09:00`,
    cron: rule.kind === "cron" ? rule.typed ?? rule.expr : "0 9 * * *",
    zone: item?.zone ?? zone, hasArgs: item?.args != null, args: (item?.args ?? []).join("\n"),
  };
}

function several(typed, every) {
  const n = whole(every);
  return n === 1 ? {} : { every: n, start: typed.start || wallTime(Date.now(), zoneOr(typed)).slice(0, 10) };
}

const zoneOr = (typed) => { try { zoneOffset(typed.zone); return typed.zone; } catch { return prefs.zone; } };

// The schedule as the server reads it.
export function ruleOf(typed) {
  switch (typed.kind) {
    case "interval": {
      const every = whole(typed.every);
      return { kind: "interval", every_s: every === null ? null : every * UNITS[typed.unit][0], ...(typed.anchor ? { anchor: typed.anchor } : {}) };
    }
    case "hourly": return { kind: "hourly", minute: whole(typed.minute) };
    case "daily": return { kind: "daily", at: typed.at.trim(), ...several(typed, typed.everyDays) };
    case "weekly": return { kind: "weekly", at: typed.at.trim(), days: typed.days, ...several(typed, typed.everyWeeks) };
    case "monthly": {
      const rule = { kind: "monthly", at: typed.at.trim() };
      if (typed.by === "last") return { ...rule, day: "last" };
      if (typed.by === "weekday") return { ...rule, weekday: typed.weekday, nth: typed.nth === "last" ? "last" : Number(typed.nth) };
      const day = whole(typed.day);
      return { ...rule, day, ...(day > 28 ? { short_months: typed.short } : {}) };
    }
    case "once": return { kind: "once", at: typed.once };
    case "cron": return { kind: "cron", expr: typed.cron.trim() };
    default: return { kind: "manual" };
  }
}

export const draftOf = (typed) => ({
  ...(typed.id ? { id: typed.id } : {}), schedule: ruleOf(typed), zone: typed.zone.trim(), args: typed.hasArgs ? lines(typed.args) : null,
});

export const FieldError = {
  components: parts,
  props: { id: String, text: String },
  template: `<span v-if="text" :id="id" class="jp-error" role="alert"><JpIcon name="warning" />{{ text }}</span>`,
};

// A text field that offers what matches; anything may be typed, the server judges it.
export const JpCombo = {
  inheritAttrs: false,
  props: { modelValue: String, id: String, label: String, options: Array, note: Function, plain: Boolean },
  emits: ["update:modelValue", "left"],
  template: `<div class="jp-combo">
    <input :id="id" class="jp-input" :class="{ 'jp-mono': !plain }" :value="modelValue" autocomplete="off" spellcheck="false" role="combobox" aria-autocomplete="list" v-bind="$attrs"
           :aria-controls="id + '-list'" :aria-expanded="open ? 'true' : 'false'" :aria-activedescendant="open && at >= 0 ? id + '-' + at : null"
           @input="typed($event.target.value)" @focus="offer" @blur="shut" @keydown="byKey">
    <ul v-show="open" :id="id + '-list'" class="jp-combo__list" role="listbox" :aria-label="label">
      <li v-for="(option, index) in found" :key="option" :id="id + '-' + index" role="option" class="jp-combo__item" :class="{ 'jp-combo__item--at': index === at }"
          :aria-selected="index === at ? 'true' : 'false'" @mousedown.prevent="choose(option)">{{ option }}<span v-if="note" class="jp-combo__note">{{ note(option) }}</span></li></ul></div>`,
  data: () => ({ open: false, at: -1, fresh: false }),
  computed: {
    found() {
      // What stands there when the field is entered is no search yet: it is the choice that was made.
      const wanted = this.fresh ? this.modelValue.trim().toLowerCase().replaceAll(" ", "_") : "";
      if (!wanted) return this.options.slice(0, 8);
      const rank = (option) => { const low = option.toLowerCase().replaceAll(" ", "_"); return low.startsWith(wanted) || low.includes("/" + wanted) ? 0 : low.includes(wanted) ? 1 : 2; };
      return this.options.map((option) => [rank(option), option]).filter(([score]) => score < 2).sort((a, b) => a[0] - b[0]).slice(0, 8).map(([, option]) => option);
    },
  },
  // Somebody may type before there is anything to choose from.
  watch: { options(now, before) { if (now.length && !before.length && document.activeElement?.id === this.id) this.$nextTick(this.offer); } },
  methods: {
    typed(text) { this.fresh = true; this.$emit("update:modelValue", text); this.$nextTick(this.offer); },
    offer() { this.open = this.found.length > 0 && (this.fresh ? !this.options.includes(this.modelValue) : !this.modelValue); this.at = -1; },
    shut() { this.open = false; this.fresh = false; this.$emit("left"); },
    choose(option) { this.open = false; this.fresh = false; this.$emit("update:modelValue", option); },
    byKey(event) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.open = this.found.length > 0;
        const way = event.key === "ArrowDown" ? 1 : -1;
        this.at = (this.at + way + this.found.length) % Math.max(1, this.found.length);
      } else if (event.key === "Enter" && this.open && this.at >= 0 && !event.ctrlKey) { event.preventDefault(); this.choose(this.found[this.at]); }
      else if (event.key === "Escape" && this.open) { event.stopPropagation(); this.open = false; }
    },
  },
};

// The fields of a cron expression in columns, each with what it says; the wrong one is underlined and named.
const CronParts = {
  props: { preview: Object },
  template: `<dl v-if="preview.parts.length" class="jp-cron" aria-label="What each field says">
    <div v-for="part in preview.parts" :key="part.name" class="jp-cron__part" :class="{ 'jp-cron__part--wrong': part.problem }">
      <dt><code>{{ part.text }}</code><span>{{ part.label }}</span></dt><dd>{{ part.words || part.problem }}</dd></div></dl>`,
};

export const JpSchedule = {
  components: { ...parts, FieldError, JpCombo, CronParts },
  props: { typed: Object, index: Number, total: Number, zones: Array, preview: Object, refused: Object },
  template: `
  <div class="jp-sched" role="group" :aria-label="total > 1 ? 'Schedule ' + (index + 1) : null">
    <div class="jp-seg jp-seg--kinds" role="radiogroup" aria-label="Kind of schedule">
      <button v-for="[kind, word] in kinds" :key="kind" type="button" role="radio" class="jp-seg__item" :tabindex="typed.kind === kind ? 0 : -1" :aria-checked="typed.kind === kind ? 'true' : 'false'"
              @click="typed.kind = kind" @keydown.left.prevent="turn(-1)" @keydown.right.prevent="turn(1)">{{ word }}</button></div>

    <div v-if="typed.kind === 'interval'" class="jp-line"><label :for="id('every_s')">Every</label>
      <input :id="id('every_s')" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="typed.every" v-bind="aria('every_s')">
      <label class="jp-clip" :for="id('unit')">Unit</label><select :id="id('unit')" class="jp-select jp-select--w" v-model="typed.unit"><option v-for="(unit, key) in units" :key="key" :value="key">{{ unit[1] }}</option></select></div>

    <div v-if="typed.kind === 'hourly'" class="jp-line"><label :for="id('minute')">Every hour at minute</label>
      <input :id="id('minute')" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="typed.minute" v-bind="aria('minute')"></div>

    <div v-if="typed.kind === 'weekly'" class="jp-line jp-line--days" role="group" aria-label="Days of the week">
      <button v-for="[day, word] in days" :key="day" type="button" class="jp-day" :aria-pressed="typed.days.includes(day) ? 'true' : 'false'" :aria-label="long[day]" @click="toggle(day)">{{ word }}</button></div>

    <div v-if="typed.kind === 'monthly'" class="jp-line">
      <label class="jp-clip" :for="id('by')">Which day of the month</label>
      <select :id="id('by')" class="jp-select jp-select--w" v-model="typed.by"><option value="day">On day</option><option value="last">On the last day</option><option value="weekday">On the</option></select>
      <template v-if="typed.by === 'day'"><label class="jp-clip" :for="id('day')">Day</label><input :id="id('day')" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="typed.day" v-bind="aria('day')">
        <template v-if="Number(typed.day) > 28"><label class="jp-clip" :for="id('short_months')">In shorter months</label>
        <select :id="id('short_months')" class="jp-select jp-select--w" v-model="typed.short"><option value="clamp">or the last day of shorter months</option><option value="skip">not in shorter months</option></select></template></template>
      <template v-if="typed.by === 'weekday'"><label class="jp-clip" :for="id('nth')">Which one</label><select :id="id('nth')" class="jp-select jp-select--w" v-model="typed.nth"><option v-for="[key, word] in nth" :key="key" :value="key">{{ word }}</option></select>
        <label class="jp-clip" :for="id('weekday')">Weekday</label><select :id="id('weekday')" class="jp-select jp-select--w" v-model="typed.weekday"><option v-for="(word, key) in long" :key="key" :value="key">{{ word }}</option></select></template></div>

    <div v-if="timed" class="jp-line"><label :for="id('at')">At</label>
      <input :id="id('at')" class="jp-input jp-input--t" inputmode="numeric" autocomplete="off" placeholder="HH:MM" v-model="typed.at" v-bind="aria('at')">
      <template v-if="typed.kind === 'daily'"><label :for="id('every')">every</label><input :id="id('every')" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="typed.everyDays" v-bind="aria('every')"><span>{{ typed.everyDays.trim() === '1' ? 'day' : 'days' }}</span></template>
      <template v-if="typed.kind === 'weekly'"><label :for="id('every')">every</label><input :id="id('every')" class="jp-input jp-input--n" inputmode="numeric" autocomplete="off" v-model="typed.everyWeeks" v-bind="aria('every')"><span>{{ typed.everyWeeks.trim() === '1' ? 'week' : 'weeks' }}</span></template>
      <template v-if="skips"><label :for="id('start')">from</label><input :id="id('start')" type="date" class="jp-input jp-input--d" v-model="typed.start" v-bind="aria('start')"></template></div>

    <div v-if="typed.kind === 'once'" class="jp-line"><label :for="id('at')">At</label>
      <input :id="id('at')" type="datetime-local" class="jp-input jp-input--dt" v-model="typed.once" v-bind="aria('at')"></div>

    <div v-if="typed.kind === 'cron'" class="jp-field"><label :for="id('expr')">Cron expression</label>
      <input :id="id('expr')" class="jp-input jp-mono" maxlength="255" autocomplete="off" spellcheck="false" v-model="typed.cron" v-bind="aria('expr')"></div>
    <FieldError :id="id('error')" :text="error" />
    <CronParts v-if="typed.kind === 'cron'" :preview="preview" />
    <p v-if="typed.kind === 'cron' && preview.expanded" class="jp-hint"><code>H</code> becomes <code>{{ preview.expanded }}</code>{{ typed.id ? '' : ' or another minute: it is chosen by the new job’s id when it is saved' }}.</p>
    <p v-if="hint" class="jp-hint">{{ hint }}</p>

    <div v-if="hasZone || hasArgs" class="jp-sched__more">
      <div v-if="hasZone" class="jp-field"><label :for="id('zone')">Time zone</label>
        <JpCombo :id="id('zone')" label="Time zones" :options="zones" :note="offset" v-model="typed.zone" v-bind="aria('zone')" />
        <FieldError :id="id('zone-error')" :text="wrong.field === 'zone' ? wrong.text : ''" /></div>
      <div v-if="hasArgs" class="jp-field"><label class="jp-check"><input type="checkbox" v-model="typed.hasArgs"> Arguments of its own</label>
        <template v-if="typed.hasArgs"><label class="jp-clip" :for="id('args')">Arguments of this schedule, one per line</label><textarea :id="id('args')" class="jp-area jp-mono" rows="2" spellcheck="false" placeholder="one per line" v-model="typed.args" v-bind="aria('args')"></textarea></template></div></div>
  </div>`,
  data: () => ({ units: UNITS, days: DAYS, long: LONG, nth: NTH }),
  computed: {
    // Manual stands alone: it is no kind of a second schedule.
    kinds() { return this.total > 1 ? KINDS.filter(([kind]) => kind !== "manual") : KINDS; },
    fields() { return ["zone", "args", ...(FIELDS[this.typed.kind] ?? [])]; },
    // Elapsed time is the same everywhere; one schedule alone has the job's arguments.
    hasZone() { return !["manual", "interval"].includes(this.typed.kind) || this.wrong.field === "zone"; },
    hasArgs() { return this.total > 1 || this.typed.hasArgs; },
    timed() { return ["daily", "weekly", "monthly"].includes(this.typed.kind); },
    skips() { return (this.typed.kind === "daily" && this.typed.everyDays.trim() !== "1") || (this.typed.kind === "weekly" && this.typed.everyWeeks.trim() !== "1"); },
    // What the server said when it refused to save, else what it says while one types.
    wrong() {
      const { text, field, part } = this.refused ?? { text: this.preview.error ?? "", field: this.preview.field, part: this.preview.part };
      return { text, field: field === "schedule" ? part : field };
    },
    error() { return this.wrong.field === "zone" ? "" : this.wrong.text; },
    hint() {
      return { interval: "Counted from when the schedule is saved; it does not drift.", manual: "Runs when somebody asks for it, here or over the API, or after other jobs.", hourly: "Every real hour, also when the clocks change." }[this.typed.kind] ?? "";
    },
  },
  methods: {
    id(field) { return `jp-s${this.index}-${field}`; },
    aria(field) {
      if (!this.wrong.text) return {};
      const named = this.fields.includes(this.wrong.field) ? this.wrong.field : MAIN[this.typed.kind];
      return field === named ? { "aria-invalid": "true", "aria-describedby": this.id(field === "zone" ? "zone-error" : "error") } : {};
    },
    toggle(day) { this.typed.days = DAYS.map(([key]) => key).filter((key) => (key === day) !== this.typed.days.includes(key)); },
    turn(way) {
      const at = this.kinds.findIndex(([kind]) => kind === this.typed.kind);
      this.typed.kind = this.kinds[(at + way + this.kinds.length) % this.kinds.length][0];
      this.$nextTick(() => this.$el.querySelector(".jp-seg__item[aria-checked='true']")?.focus());
    },
    offset: (zone) => zoneOffset(zone),
    focus() { (this.$el.querySelector("[aria-invalid='true']") ?? this.$el.querySelector("input, select, button"))?.focus(); },
  },
};

// What the schedule means: one sentence, the next ten instants, what the clocks do, what may surprise.
export const JpSchedulePreview = {
  components: parts,
  props: { preview: Object, zone: String, which: String, edited: Boolean, notYet: String, after: String },
  template: `
    <div class="jp-card__head"><h2>{{ heading }}</h2><span v-if="which" class="jp-muted jp-small">{{ which }}</span></div>
    <div class="jp-card__body">
      <table v-if="preview.next.length" class="jp-fires">
        <caption class="jp-hint">{{ ten }}<template v-if="edited">, if saved now</template></caption>
        <thead><tr><th scope="col">{{ prefs.zone }}</th><th v-if="twoZones && !screen.tiny" scope="col">{{ zone }}</th><th scope="col"><span class="jp-clip">From now</span></th></tr></thead>
        <tbody><tr v-for="fire in preview.next" :key="fire.at" :class="{ 'jp-fires__out': fire.excluded }">
          <td><time :datetime="fire.at" :title="utc(fire.at)">{{ say(fire.at, prefs.zone) }}</time><span v-if="twoZones && screen.tiny" class="jp-hint">{{ say(fire.at, zone) }} in {{ city }}</span>
            <span v-if="fire.excluded" class="jp-hint">{{ fire.moved_to ? 'Moves to ' + say(fire.moved_to, prefs.zone) + ': ' : 'Left out: ' }}{{ fire.excluded }}</span></td>
          <td v-if="twoZones && !screen.tiny" class="jp-muted">{{ say(fire.at, zone) }}</td>
          <td class="jp-num jp-muted">{{ fire.excluded ? '' : until(fire.at, tick.now) }}</td></tr></tbody></table>
      <p v-else class="jp-hint">{{ preview.error || (after ? 'No schedule starts it.' : 'It runs only when somebody asks for it.') }}</p>
      <ul v-if="preview.notes.length" class="jp-says" aria-label="When the clocks change"><li v-for="note in preview.notes" :key="note.at + note.text"><JpIcon name="clock" /><span>{{ note.text }}</span></li></ul>
      <ul v-if="preview.warnings.length" class="jp-says jp-says--warn" aria-label="Worth knowing"><li v-for="warning in preview.warnings" :key="warning"><JpIcon name="warning" /><span>{{ warning }}</span></li></ul>
      <slot v-if="!preview.error && preview.text"></slot>
    </div>`,
  data: () => ({ tick, prefs, screen: screenSize }),
  computed: {
    city() { return this.zone.split("/").at(-1).replaceAll("_", " "); },
    heading() { return this.preview.error ? this.notYet : (this.after && !this.preview.next.length && "After other jobs") || this.preview.text || "…"; },
    twoZones() { return this.zone && this.zone !== this.prefs.zone && this.preview.text; },
    ten() { const n = this.preview.next.length; return n === 1 ? "The only run" : n < 10 ? `All ${n} runs` : "Next ten runs"; },
    exact() { return this.preview.next.some((fire) => hasSeconds(fire.at)); },
  },
  methods: {
    until, utc,
    say(iso, zone) {
      try { return when(iso, zone, this.exact); } catch { return ""; } // a zone that is still being typed
    },
  },
};
