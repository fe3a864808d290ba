// How a person wants to see the portal: the same fields in the shell's menu and on the Settings page.
import { local, prefs, tick, zoneOffset } from "jp_format";
import { api, attempt } from "jp_core";

const THEMES = [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]];
const DENSITIES = [["comfortable", "Comfortable"], ["compact", "Compact"]];
// A language is named in itself, so that whoever reads no other one finds it.
const LANGUAGES = [["auto", "Auto", null], ["en", "English", "en"], ["zh-Hant", "繁體中文", "zh-Hant-HK"]];

// Show the page as `prefs` says.
export function paint() {
  window.Quasar?.Dark.set({ auto: "auto", light: false, dark: true }[prefs.theme]);
  document.documentElement.classList.toggle("jp-compact", prefs.density === "compact");
}

// Keep a change for this browser; what is refused is taken back.
export async function savePrefs(change) {
  const before = { ...prefs };
  Object.assign(prefs, change);
  paint();
  const { zone, theme, density, language } = prefs;
  const saved = await attempt(() => api("/me", { method: "PUT", body: { zone, theme, density, language } }), null);
  if (saved && language !== before.language) location.reload(); // every script of the page speaks one language
  if (saved) return;
  Object.assign(prefs, before);
  paint();
}

// `name` begins the ids of the fields: the menu and the page can be there at once.
export const Preferences = {
  props: { name: String },
  template: `
  <div class="jp-prefs__fields">
    <div class="jp-field"><span class="jp-label" :id="name + '-language'">Language</span>
      <div class="jp-seg" role="group" :aria-labelledby="name + '-language'">
        <button v-for="[language, word, tag] in languages" :key="language" type="button" class="jp-seg__item" :lang="tag"
                :aria-pressed="prefs.language === language" @click="save({ language })">{{ word }}</button>
      </div>
    </div>
    <div class="jp-field">
      <label :for="name + '-zone'">Time zone</label>
      <input :id="name + '-zone'" class="jp-input" :list="name + '-zones'" v-model="zoneText" autocomplete="off" spellcheck="false"
             :aria-invalid="zoneError ? 'true' : null" :aria-describedby="name + '-zone-hint'" @change="setZone(zoneText)">
      <datalist :id="name + '-zones'"><option v-for="zone in zones" :key="zone" :value="zone"></option></datalist>
      <span :id="name + '-zone-hint'" :class="zoneError ? 'jp-error' : 'jp-hint'">{{ zoneError || 'Now ' + nowThere }}</span>
    </div>
    <div class="jp-field"><span class="jp-label" :id="name + '-theme'">Theme</span>
      <div class="jp-seg" role="group" :aria-labelledby="name + '-theme'">
        <button v-for="[theme, word] in themes" :key="theme" type="button" class="jp-seg__item"
                :aria-pressed="prefs.theme === theme" @click="save({ theme })">{{ word }}</button>
      </div>
    </div>
    <div class="jp-field"><span class="jp-label" :id="name + '-density'">Rows</span>
      <div class="jp-seg" role="group" :aria-labelledby="name + '-density'">
        <button v-for="[density, word] in densities" :key="density" type="button" class="jp-seg__item"
                :aria-pressed="prefs.density === density" @click="save({ density })">{{ word }}</button>
      </div>
    </div>
  </div>`,
  data: () => ({ prefs, languages: LANGUAGES, themes: THEMES, densities: DENSITIES, zoneText: prefs.zone, zoneError: "", zones: Intl.supportedValuesOf("timeZone") }),
  computed: { nowThere: () => `${local(tick.now)} · ${zoneOffset(prefs.zone)}` },
  watch: { "prefs.zone"(zone) { this.zoneText = zone; } },
  methods: {
    save: savePrefs,
    setZone(zone) {
      this.zoneError = this.zones.includes(zone) || zone === "UTC" ? "" : "Choose a zone from the list, such as Europe/London.";
      if (!this.zoneError) savePrefs({ zone });
    },
  },
};
