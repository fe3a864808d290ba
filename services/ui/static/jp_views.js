// Searches that this browser keeps under names, as chips above the list; others are seen by their address.
import { parts } from "jp_format";
import { api, attempt, openUnder, toast } from "jp_core";

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// `asked` is what the list is asked now, without what is not asked. Emits `choose` with a view.
export const ViewChips = {
  components: parts,
  props: { asked: Object, shown: String },
  emits: ["choose"],
  template: `
  <div>
    <div v-if="chips.length" class="jp-filters jp-views" role="group" aria-label="Saved views"><template v-for="one in chips" :key="one.id">
      <button type="button" class="jp-filter" :aria-pressed="isShown(one)" @click="$emit('choose', one)"><JpIcon name="list" />{{ one.name }}</button>
      <button v-if="isShown(one) && isOwn(one)" type="button" class="jp-iconbtn" :aria-label="'Actions for the view ' + one.name" aria-haspopup="true" @click="menuOf(one, $event)"><JpIcon name="more" /></button></template></div>

    <div class="jp-pop" popover ref="menu">
      <button class="jp-pop__item" type="button" @click="doing(open)"><JpIcon name="pencil" />Rename</button>
      <hr><button class="jp-pop__item jp-pop__item--bad" type="button" @click="doing(remove)"><JpIcon name="bin" />Delete</button></div>
    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-view-title">
      <div class="jp-dialog__head"><h2 id="jp-view-title">{{ renamed ? 'Rename the view' : 'Save this view' }}</h2><button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
      <form class="jp-dialog__body" @submit.prevent="save">
        <div class="jp-field"><label for="jp-view-name">Name</label><input id="jp-view-name" class="jp-input" maxlength="60" required autocomplete="off" v-model="name" :aria-invalid="error ? 'true' : null" aria-describedby="jp-view-hint jp-view-error">
          <span id="jp-view-hint" class="jp-hint">Kept for this browser. Whoever has its address sees the same list.</span><span id="jp-view-error" class="jp-error">{{ error }}</span></div>
        <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Cancel</button><button class="jp-btn jp-btn--main" type="submit">Save</button></div></form>
    </dialog>
  </div>`,
  data: () => ({ own: [], other: null, chosen: null, renamed: null, name: "", error: "" }),
  created() { this.load(); },
  computed: {
    // One that somebody told of stands with one's own while it is shown.
    chips() { return this.other && this.other.id === this.shown && !this.own.some((one) => one.id === this.shown) ? [...this.own, this.other] : this.own; },
  },
  methods: {
    isShown(one) { return one.id === this.shown || (!this.shown && same(one.question, this.asked)); },
    isOwn(one) { return this.own.includes(one); },
    async load() { this.own = (await api("/me/views").catch(() => ({ items: [] }))).items; },
    // What the address names; null where there is no such view any more.
    async find(id) { return (this.other = await attempt(() => api(`/views/${encodeURIComponent(id)}`), null)); },
    menuOf(one, event) { this.chosen = one; openUnder(this.$refs.menu, event.currentTarget); },
    doing(action) { this.$refs.menu.hidePopover(); action(this.chosen); },
    open(renamed) {
      Object.assign(this, { renamed, name: renamed?.name ?? "", error: "" });
      this.$refs.dialog.showModal();
    },
    async save() {
      try {
        const [path, method, body] = this.renamed ? [`/me/views/${this.renamed.id}`, "PATCH", { name: this.name }] : ["/me/views", "POST", { name: this.name, question: this.asked }];
        const kept = await api(path, { method, body });
        await this.load();
        this.$refs.dialog.close();
        this.$emit("choose", kept);
      } catch (error) { this.error = error.message; }
    },
    remove(one) {
      return attempt(async () => {
        await api(`/me/views/${one.id}`, { method: "DELETE" });
        await this.load();
        toast(`Deleted the view ${one.name}.`, { undo: () => attempt(async () => { await api("/me/views", { method: "POST", body: { name: one.name, question: one.question } }); await this.load(); }) });
      });
    },
  },
};
