// Uploading a script: chosen by a button or dropped anywhere on the page; what is there is only replaced on request.
import { bytes, parts, plural } from "jp_format";
import { api } from "jp_core";

const path = (name, replaces = "") => `/scripts?name=${encodeURIComponent(name)}${replaces ? `&replaces=${replaces}` : ""}`;

// "close.py" is "close-2.py", "close-2.py" is "close-3.py".
function another(name) {
  const [, stem, number, ending] = /^(.*?)(?:-(\d+))?(\.[^./]*)?$/.exec(name);
  return `${stem}-${Number(number ?? 1) + 1}${ending ?? ""}`;
}

// `limit`: how many bytes a script may have. Emits `stored` with the script as the API shows it, and `refused`
// with the reason in words; of several files, each in turn. `finished`: after the last one, with the names of
// those that were stored and whether none was refused.
export const JpUpload = {
  components: parts,
  props: { limit: Number, main: Boolean, small: Boolean },
  emits: ["stored", "refused", "finished"],
  template: `
  <span class="jp-upload">
    <button class="jp-btn" :class="{ 'jp-btn--main': main, 'jp-btn--small': small }" type="button" :disabled="busy" @click="$refs.input.click()"><JpIcon name="up" />{{ busy ? 'Uploading…' : 'Upload a script' }}</button>
    <input ref="input" type="file" hidden multiple @change="take([...$event.target.files]); $event.target.value = ''">
    <Teleport to="body"><div v-if="over" class="jp-drop" aria-hidden="true"><span><JpIcon name="up" />Drop to upload the script</span></div>
    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-upload-title" @close="decide?.(null)">
      <template v-if="there">
        <div class="jp-dialog__head"><h2 id="jp-upload-title">There is already a {{ there.name }}</h2>
          <button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
        <form class="jp-dialog__body" @submit.prevent="settle({ name: wanted.trim() })">
          <p v-if="why" class="jp-error" role="alert"><JpIcon name="warning" />{{ why }}</p>
          <p>It has {{ bytes(there.size) }} and was changed <JpRelative :at="there.changed_at" />. {{ there.job_count ? plural(there.job_count, 'job') + (there.job_count === 1 ? ' runs it, and would run' : ' run it, and would run') + ' the new one from the next start on.' : 'No job runs it.' }}</p>
          <div class="jp-field"><label for="jp-upload-name">Store yours as</label><input id="jp-upload-name" class="jp-input jp-mono" v-model="wanted" autocomplete="off" spellcheck="false"></div>
          <div class="jp-dialog__do"><button v-if="there.sha256" class="jp-btn jp-btn--bad jp-dialog__note" type="button" @click="settle({ name: there.name, replaces: there.sha256 })">Replace it</button>
            <button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button>
            <button class="jp-btn jp-btn--main" type="submit" :disabled="!wanted.trim()">Store as new</button></div>
        </form>
      </template>
    </dialog></Teleport>
  </span>`,
  data: () => ({ busy: false, over: false, there: null, wanted: "", why: "" }),
  created() {
    // A file that misses its target would take the place of the page, and of what was typed.
    const listeners = { dragover: this.drag, dragleave: this.leave, drop: this.drop };
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
    this.stop = () => { for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener); };
  },
  beforeUnmount() { this.stop(); },
  methods: {
    bytes, plural,
    drag(event) {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.over = !document.querySelector("dialog[open]");
      if (!this.over) event.dataTransfer.dropEffect = "none"; // first answer what is asked
    },
    leave(event) { if (!event.relatedTarget) this.over = false; },
    drop(event) {
      if (!this.over) return;
      event.preventDefault();
      this.over = false;
      this.take([...event.dataTransfer.files]);
    },
    async take(files) {
      if (this.busy) return;
      this.busy = true;
      const names = [];
      let isWhole = true;
      for (const file of files) {
        try {
          const stored = await this.one(file);
          if (!stored) continue;
          names.push(stored.name);
          this.$emit("stored", stored);
        } catch (error) {
          isWhole = false;
          this.$emit("refused", `${file.name}: ${error.message}`);
        }
      }
      this.busy = false;
      this.$emit("finished", { names, isWhole });
    },
    // Stores a file, asking as often as its name is taken; null: somebody thought better of it.
    async one(file) {
      if (!file.size) throw new Error("The file is empty, or a folder.");
      if (file.size > this.limit) throw new Error(`The file has ${bytes(file.size)}; a script that is uploaded may have ${bytes(this.limit)}. Put it into the scripts folder instead.`);
      let why = "";
      for (let choice = { name: file.name }; choice; choice = await this.ask(choice.name, why)) {
        try {
          return await api(path(choice.name, choice.replaces), { method: "POST", body: file });
        } catch (error) {
          if (error.status !== 409) throw error;
          why = choice.replaces ? error.message : ""; // else the dialog itself says that the name is taken
        }
      }
      return null;
    },
    // Says what is there under this name; resolves to how to go on, or null.
    async ask(name, why) {
      this.why = why;
      this.there = await api(`/scripts/text?name=${encodeURIComponent(name)}`);
      this.wanted = another(name);
      await this.$nextTick();
      this.$refs.dialog.showModal();
      return new Promise((decide) => { this.decide = decide; });
    },
    settle(choice) { const { decide } = this; this.decide = null; this.$refs.dialog.close(); decide(choice); },
  },
};
