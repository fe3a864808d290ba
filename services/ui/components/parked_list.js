// Parked messages: why each could not be handled, what it says, and what to do with it.
import { count, parts, plural } from "jp_format";
import { api, attempt, debounced, follow, toast } from "jp_core";
import { heldBy } from "jp_controls";
import { told } from "jp_words";

const STATES = {
  parked: ["Parked", "timed_out", "warning"], leaving: ["Being put back", "queued", "clock"],
  put_back: ["Put back", "succeeded", "check"], discarded: ["Discarded", "skipped", "gone"],
};

export default {
  components: parts,
  template: `
  <div :aria-busy="!loaded">
    <div v-if="error" class="jp-card jp-empty"><JpIcon name="warning" /><h2>The messages cannot be shown</h2><p>{{ error }}</p><button class="jp-btn" type="button" @click="load">Try again</button></div>
    <div v-else-if="loaded && !items.length" class="jp-card jp-empty jp-empty--calm"><JpIcon name="check" /><h2>Nothing is parked</h2>
      <p>A message that a service cannot understand or handle is laid aside here instead of being dropped, with the reason.</p></div>
    <template v-else-if="loaded">
      <p class="jp-summary" aria-live="polite">{{ summary }}</p>
      <ul class="jp-parkeds">
        <li v-for="one in items" :key="one.id" class="jp-card jp-parked" :class="{ 'jp-parked--done': !isLying(one) }">
          <div class="jp-parked__head">
            <h2 class="jp-parked__type jp-mono">{{ one.type || 'no type' }}</h2>
            <span class="jp-chip" :class="'jp-tone--' + stand(one)[1]"><JpIcon :name="stand(one)[2]" />{{ stand(one)[0] }}</span>
            <div v-if="one.state === 'parked'" class="jp-parked__do">
              <button class="jp-btn jp-btn--small" type="button" :disabled="!!one.wish" :aria-label="'Discard ' + named(one)" @click="ask(one)">Discard…</button>
              <button class="jp-btn jp-btn--small jp-btn--main" type="button" :disabled="!!one.wish || !one.is_whole" :aria-label="'Put back ' + named(one)"
                :title="one.is_whole ? 'Publish it again to where it came from' : 'Only its beginning was kept'" @click="does(one, 'put-back')">Put back</button>
            </div>
          </div>
          <p class="jp-parked__reason">{{ told(one.reason) }}</p>
          <p v-if="one.refusal" class="jp-parked__refusal"><JpIcon name="warning" />Not put back: {{ one.refusal }}</p>
          <p class="jp-parked__meta">
            <span>parked <JpRelative :at="one.parked_at" /><template v-if="one.parked_count > 1"> for the {{ nth(one.parked_count) }} time</template></span>
            <span v-if="one.queue">out of <span class="jp-mono">{{ one.queue }}</span></span>
            <span v-if="one.source">said by <span class="jp-mono">{{ one.source }}</span></span>
            <span v-if="one.decided_at">{{ one.state === 'discarded' ? 'discarded' : 'put back' }} {{ heldBy(one.decided_by) }}<JpRelative :at="one.decided_at" /></span>
          </p>
          <details class="jp-parked__more"><summary>Message</summary>
            <pre class="jp-parked__body" tabindex="0" :aria-label="'Body of ' + named(one)">{{ pretty(one) }}</pre>
            <dl class="jp-parked__facts">
              <template v-for="[word, fact] in facts(one)" :key="word"><dt>{{ word }}</dt><dd class="jp-mono">{{ fact }}</dd></template>
            </dl>
          </details>
        </li>
      </ul>
    </template>
    <dialog class="jp-dialog" ref="dialog" aria-labelledby="jp-discard-title">
      <template v-if="asked">
        <div class="jp-dialog__head"><h2 id="jp-discard-title">Discard {{ named(asked) }}?</h2>
          <button class="jp-iconbtn" type="button" aria-label="Close" @click="$refs.dialog.close()"><JpIcon name="cross" /></button></div>
        <form class="jp-dialog__body" @submit.prevent="discard">
          <p>Nobody handles it then. What it says stays in this list for a while, but it cannot be put back.</p>
          <div class="jp-dialog__do"><button class="jp-btn" type="button" @click="$refs.dialog.close()">Keep it</button>
            <button class="jp-btn jp-btn--danger" type="submit">Discard it</button></div>
        </form>
      </template>
    </dialog>
  </div>`,
  data: () => ({ items: [], lying: 0, loaded: false, error: "", asked: null }),
  created() {
    this.reload = debounced(() => this.load(), 1000);
    this.stop = follow("health", () => this.reload(), { load: this.load });
  },
  beforeUnmount() { this.stop(); },
  computed: {
    summary() {
      if (!this.lying) return "Nothing waits for a decision.";
      const shown = this.items.filter(this.isLying).length;
      return `${plural(this.lying, "message")} ${this.lying === 1 ? "waits" : "wait"} for a decision${shown < this.lying ? `, the newest ${shown} are shown` : ""}. Put one back when its cause is mended.`;
    },
  },
  methods: {
    heldBy, told,
    isLying: (one) => one.state === "parked" || one.state === "leaving",
    stand: (one) => (one.wish === "put_back" ? STATES.leaving : STATES[one.state]),
    named: (one) => one.type || "the message without a type",
    nth: (n) => ({ 2: "second", 3: "third" })[n] ?? `${n}th`,
    pretty(one) {
      let text = one.text;
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is shown as it is */ }
      return text || "(empty)";
    },
    facts: (one) => [
      ["Goes back to", one.exchange ? `${one.exchange} · ${one.routing_key || "no key"}` : one.routing_key || "nowhere"],
      ["Message id", one.message_id || "none"], ["Size", `${count(one.body_bytes)} bytes`],
      ...Object.entries(one.headers),
    ],
    async load() {
      try { this.take(await api("/parked")); } catch (error) { this.error = this.loaded ? "" : error.message; }
    },
    take(answer) {
      Object.assign(this, { items: answer.items, lying: answer.lying, loaded: true, error: "" });
      if (this.items.some((one) => one.wish || one.state === "leaving")) this.reload();
    },
    ask(one) { this.asked = one; this.$nextTick(() => this.$refs.dialog.showModal()); },
    discard() { this.$refs.dialog.close(); return this.does(this.asked, "discard"); },
    async does(one, wish) {
      const answer = await attempt(() => api(`/parked/${one.id}/${wish}`, { method: "POST" }), null);
      if (!answer) return;
      this.take(answer);
      toast(wish === "discard" ? "It is discarded." : "It is put back within a few seconds.");
    },
  },
};
