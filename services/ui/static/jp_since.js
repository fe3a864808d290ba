// What had changed when a run failed: script, job, arguments and place, beside the run that succeeded last.
import { parts, plural } from "jp_format";
import { JpChanges, byWhom } from "jp_history";
import { JpChange } from "jp_script";

export const JpSince = {
  components: { ...parts, JpChange, JpChanges },
  props: { since: Object, job: String },
  template: `
  <section class="jp-card jp-since" aria-labelledby="jp-since">
    <div class="jp-card__head"><h2 id="jp-since">Since it last succeeded</h2>
      <span class="jp-hint"><a class="jp-link" :href="'/runs/' + since.since.run_id">run #{{ since.since.run_number }}</a>, <JpTime :at="since.since.at" /></span></div>
    <p v-if="same" class="jp-since__same"><JpIcon name="check" />Script, job, arguments, executor and sandbox are the same. Look for what it depends on besides: data, services, the day.</p>
    <p v-if="since.unknown.includes('script')" class="jp-since__same"><JpIcon name="question" />Whether the script had changed is not known: one of the two did not start, or is too large.</p>
    <p v-if="since.unknown.includes('job')" class="jp-since__same"><JpIcon name="question" />How the job was then is not known: its history does not reach back so far.</p>
    <dl v-if="differs">
      <div v-if="since.job.length"><dt>Job</dt><dd><JpChanges :changes="since.job" />
        <p class="jp-hint"><template v-for="(one, index) in since.edits.slice(0, 3)" :key="one.version">{{ index ? '; ' : '' }}<a class="jp-link" :href="'/jobs/' + job + '?tab=versions#v' + one.version">version {{ one.version }}</a> by {{ by(one.by) }}, <JpTime :at="one.at" /></template><template v-if="since.edits.length > 3"> and {{ plural(since.edits.length - 3, 'earlier edit') }}</template></p></dd></div>
      <div v-if="since.run.length"><dt>Run</dt><dd><JpChanges :changes="since.run" /></dd></div>
      <div v-if="since.place.length"><dt>Place</dt><dd><JpChanges :changes="since.place" /></dd></div>
    </dl>
    <JpChange v-if="since.script" :change="since.script" inner words="The script had changed" />
  </section>`,
  computed: {
    differs() { const { job, run, place } = this.since; return Boolean(job.length || run.length || place.length); },
    same() { return !this.differs && !this.since.script && !this.since.unknown.length; },
  },
  methods: { by: byWhom, plural },
};
