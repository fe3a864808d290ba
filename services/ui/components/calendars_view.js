// The calendars that jobs are judged by: days off, office hours; made by hand, from a file or from a law.
import { parts, plural, prefs } from "jp_format";
import { api, attempt, toast } from "jp_core";

const DAYS = [["mon", "Mon"], ["tue", "Tue"], ["wed", "Wed"], ["thu", "Thu"], ["fri", "Fri"], ["sat", "Sat"], ["sun", "Sun"]];
const WEEKDAYS = DAYS.slice(0, 5).map(([day]) => day);
const aWindow = () => ({ days: [...WEEKDAYS], from: "09:00", until: "18:00" });

const asLines = (dates) => dates.map((day) => [day.on, day.label].filter(Boolean).join(" ")).join("\n");
// "2026-12-25 Christmas Day"; what does not begin with a date is sent as it is, and judged by the server.
const asDates = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
  const [on, ...label] = line.split(/[\s,;]+/);
  return { on, label: label.join(" ") };
});

export default {
  components: parts,
  template: `
  <div>
    <div class="jp-head"><div class="jp-head__title"><h1>Calendars</h1><span class="jp-head__sub">Days and hours at which jobs may or may not run</span></div>
      <div class="jp-head__do"><button class="jp-btn jp-btn--main" type="button" @click="edit(null)"><JpIcon name="plus" />New calendar</button></div></div>
    <div class="jp-card" :aria-busy="!loaded">
      <div v-if="error" class="jp-empty"><JpIcon name="warning" /><h2>The calendars cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
      <div v-else-if="loaded && !calendars.length" class="jp-empty"><JpIcon name="calendar" /><h2>No calendars yet</h2>
        <p>A calendar is a list of days, or of hours in the week. A job's rules say whether it runs only in it, or never in it.</p>
        <div class="jp-empty__do"><button class="jp-btn" type="button" @click="builtIn">Add Hong Kong's general holidays</button><button class="jp-btn jp-btn--main" type="button" @click="edit(null)">New calendar</button></div></div>
      <ul v-else class="jp-calendars"><li v-for="calendar in calendars" :key="calendar.id">
        <div class="jp-calendars__what"><h2>{{ calendar.name }}</h2><p class="jp-muted">{{ sentence(calendar) }}</p>
          <p v-if="calendar.used_by.length" class="jp-small jp-muted">Used by <template v-for="(job, index) in calendar.used_by.slice(0, 4)" :key="job.id">{{ index ? ', ' : '' }}<a class="jp-link" :href="'/jobs/' + job.id">{{ job.name }}</a></template><template v-if="calendar.used_by.length > 4"> and {{ plural(calendar.used_by.length - 4, 'other job') }}</template></p>
          <p v-else class="jp-small jp-muted">Used by no job</p></div>
        <div class="jp-calendars__do"><button class="jp-btn jp-btn--small" type="button" :aria-label="'Edit ' + calendar.name" @click="edit(calendar)"><JpIcon name="pencil" />Edit</button>
          <button class="jp-btn jp-btn--small jp-btn--bad" type="button" :aria-label="'Delete ' + calendar.name" :disabled="calendar.used_by.length > 0" :title="calendar.used_by.length ? 'Take it out of the rules of its jobs first' : null" @click="remove(calendar)"><JpIcon name="bin" />Delete</button></div></li></ul>
      <div v-if="loaded && calendars.length && !hasBuiltIn" class="jp-card__foot"><span>Hong Kong's general holidays are built in.</span><button class="jp-btn jp-btn--small" type="button" @click="builtIn">Add them</button></div>
    </div>

    <dialog class="jp-dialog jp-dialog--wide" ref="dialog" aria-labelledby="jp-calendar-title"><template v-if="form">
      <div class="jp-dialog__head"><h2 id="jp-calendar-title">{{ form.id ? 'Edit ' + form.was : 'New calendar' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="close"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="save">
        <div class="jp-form__pair">
          <div class="jp-field"><label for="jp-c-name">Name</label><input id="jp-c-name" class="jp-input" v-model="form.name" maxlength="200" autocomplete="off" required v-bind="marks('name')"><span v-if="wrong.name" id="jp-c-name-error" class="jp-error">{{ wrong.name }}</span></div>
          <div class="jp-field"><label for="jp-c-zone">Time zone</label><input id="jp-c-zone" class="jp-input" list="jp-zones" v-model="form.zone" autocomplete="off" spellcheck="false" required v-bind="marks('zone')"><span v-if="wrong.zone" id="jp-c-zone-error" class="jp-error">{{ wrong.zone }}</span></div>
        </div>
        <div class="jp-field"><span class="jp-label" id="jp-c-kind">What it holds</span><div><div class="jp-seg" role="group" aria-labelledby="jp-c-kind">
          <button type="button" class="jp-seg__item" :aria-pressed="form.kind === 'dates'" @click="form.kind = 'dates'">Days</button>
          <button type="button" class="jp-seg__item" :aria-pressed="form.kind === 'weekly'" @click="form.kind = 'weekly'">Hours of the week</button></div></div></div>

        <template v-if="form.kind === 'dates'">
          <div class="jp-field"><label for="jp-c-dates">Days, one a line, with a name if you like</label>
            <textarea id="jp-c-dates" class="jp-area jp-mono" rows="8" v-model="form.lines" spellcheck="false" placeholder="2026-12-25 Christmas Day" v-bind="marks('dates')"></textarea>
            <span v-if="wrong.dates" id="jp-c-dates-error" class="jp-error">{{ wrong.dates }}</span><span v-else class="jp-hint">{{ lineWords }}</span></div>
          <fieldset class="jp-read"><legend class="jp-label">Or take the days from</legend>
            <button class="jp-btn jp-btn--small" type="button" @click="readBuiltIn">Hong Kong</button>
            <label class="jp-btn jp-btn--small jp-read__file">A calendar file<input type="file" class="jp-clip" accept=".ics,text/calendar" @change="readFile"></label>
            <span class="jp-read__country"><input class="jp-input" v-model="country" maxlength="10" placeholder="GB" aria-label="Country, as two letters"><button class="jp-btn jp-btn--small" type="button" :disabled="!country.trim()" @click="readCountry">Country's holidays</button></span>
            <span class="jp-read__years"><label for="jp-c-first">Years</label><input id="jp-c-first" class="jp-input" type="number" min="1970" max="2199" v-model.number="firstYear"><span>to</span><input class="jp-input" type="number" min="1970" max="2199" aria-label="Last year" v-model.number="lastYear"></span>
            <span v-if="wrong.read" class="jp-error">{{ wrong.read }}</span>
          </fieldset>
        </template>
        <div v-else class="jp-field"><span class="jp-label">Hours, in this calendar's zone</span>
          <ul class="jp-windows"><li v-for="(hours, index) in form.windows" :key="index">
            <div class="jp-seg" role="group" :aria-label="'Days of line ' + (index + 1)"><button v-for="[day, word] in days" :key="day" type="button" class="jp-seg__item" :aria-pressed="hours.days.includes(day)" @click="toggle(hours, day)">{{ word }}</button></div>
            <span class="jp-windows__hours"><input class="jp-input" v-model="hours.from" :aria-label="'From, line ' + (index + 1)" maxlength="5"><span>to</span><input class="jp-input" v-model="hours.until" :aria-label="'Until, line ' + (index + 1)" maxlength="5">
            <button class="jp-iconbtn" type="button" :aria-label="'Remove line ' + (index + 1)" :disabled="form.windows.length === 1" @click="form.windows.splice(index, 1)"><JpIcon name="cross" /></button></span></li></ul>
          <span v-if="wrong.windows" class="jp-error">{{ wrong.windows }}</span><span v-else class="jp-hint">Hours that end before they begin last until the next day.</span>
          <div><button class="jp-btn jp-btn--small" type="button" @click="form.windows.push(aWindow())"><JpIcon name="plus" />Add hours</button></div></div>

        <p v-if="wrong.other" class="jp-error" role="alert"><JpIcon name="warning" />{{ wrong.other }}</p>
        <div class="jp-dialog__do"><span v-if="form.users" class="jp-hint jp-dialog__note">{{ plural(form.users, 'job') }} will follow the change at once.</span>
          <button class="jp-btn" type="button" @click="close">Cancel</button><button class="jp-btn jp-btn--main" type="submit" :disabled="busy">{{ form.id ? 'Save changes' : 'Create calendar' }}</button></div>
      </form></template></dialog>
  </div>`,
  data: () => {
    const year = new Date().getFullYear();
    return { days: DAYS, calendars: [], loaded: false, error: "", form: null, wrong: {}, busy: false, country: "", firstYear: year, lastYear: year + 1 };
  },
  created() { this.load(); },
  computed: {
    hasBuiltIn() { return this.calendars.some((calendar) => calendar.name === "Hong Kong general holidays"); },
    lineWords() {
      const lines = asDates(this.form.lines).length;
      const known = this.form.known_until ? ` Complete until ${this.form.known_until}.` : "";
      return `${plural(lines, "day")}, written as 2026-12-25.${known}`;
    },
  },
  methods: {
    plural, aWindow,
    sentence: (calendar) => `${calendar.text[0].toUpperCase()}${calendar.text.slice(1)} · ${calendar.spec.zone}`,
    marks(field) { return this.wrong[field] ? { "aria-invalid": "true", "aria-describedby": `jp-c-${field}-error` } : {}; },
    async load() {
      try {
        Object.assign(this, { calendars: (await api("/calendars")).items, loaded: true, error: "" });
      } catch (error) {
        this.error = error.message;
      }
    },
    edit(calendar) {
      const spec = calendar?.spec ?? { name: "", zone: prefs.zone, kind: "dates" };
      this.form = {
        id: calendar?.id, was: calendar?.name, version: calendar?.version, users: calendar?.used_by.length,
        name: spec.name, zone: spec.zone, kind: spec.kind, lines: asLines(spec.dates ?? []),
        windows: (spec.windows ?? [aWindow()]).map((hours) => ({ ...hours, days: [...hours.days] })),
        known_from: spec.known_from, known_until: spec.known_until,
      };
      Object.assign(this, { wrong: {}, busy: false });
      this.$nextTick(() => this.$refs.dialog.showModal());
    },
    close() { this.$refs.dialog.close(); },
    toggle(hours, day) {
      hours.days = DAYS.map(([known]) => known).filter((known) => hours.days.includes(known) !== (known === day));
    },
    body() {
      const { name, zone, kind, version, known_from, known_until } = this.form;
      const times = kind === "dates" ? { dates: asDates(this.form.lines), known_from, known_until } : { windows: this.form.windows };
      return { name, zone, kind, version, ...times };
    },
    async save() {
      this.busy = true;
      try {
        const { id } = this.form;
        await api(id ? `/calendars/${id}` : "/calendars", { method: id ? "PATCH" : "POST", body: this.body() });
        this.close();
        toast(id ? `Saved ${this.form.name}.` : `Created ${this.form.name}.`);
        await this.load();
      } catch (error) {
        this.wrong = { [["name", "zone", "dates", "windows"].includes(error.field) ? error.field : "other"]: error.message };
        this.$nextTick(() => this.$refs.dialog.querySelector("[aria-invalid=true]")?.focus());
      }
      this.busy = false;
    },
    async builtIn() {
      await attempt(async () => {
        await api("/calendars", { method: "POST", body: await api("/calendars/hong-kong") });
        toast("Added Hong Kong's general holidays.");
      });
      await this.load();
    },
    async remove(calendar) {
      const body = calendar.spec;
      const undo = () => attempt(() => api("/calendars", { method: "POST", body })).then(() => this.load());
      await attempt(async () => {
        await api(`/calendars/${calendar.id}`, { method: "DELETE" });
        toast(`Deleted ${calendar.name}.`, { undo, forMs: 12_000 });
      });
      await this.load();
    },
    async fill(read) {
      try {
        const { dates, known_from, known_until } = await read();
        Object.assign(this.form, { lines: asLines(dates), known_from, known_until });
        this.wrong = {};
      } catch (error) {
        this.wrong = { read: error.message };
      }
    },
    years() { return { first_year: this.firstYear, last_year: this.lastYear }; },
    readBuiltIn() {
      return this.fill(async () => {
        const built = await api("/calendars/hong-kong");
        Object.assign(this.form, { name: this.form.name || built.name, zone: built.zone });
        return built;
      });
    },
    readFile(event) {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.fill(async () => api("/calendars/read-file", { method: "POST", body: { ics: await file.text(), zone: this.form.zone, ...this.years() } }));
    },
    readCountry() {
      const [country, subdivision] = this.country.trim().toUpperCase().split("-");
      return this.fill(() => api("/calendars/read-country", { method: "POST", body: { country, ...(subdivision ? { subdivision } : {}), ...this.years() } }));
    },
  },
};
