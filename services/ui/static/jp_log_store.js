// A log of any length: its newest lines as they come, the others by pages, asked for when they are looked at.
import { api, query } from "jp_core";
import { LogLines, styleOf } from "jp_log";

export const PAGE = 500; // lines
const MOST_PAGES = 16;
const MOST_CHARACTERS = 4_000_000;
const TAIL = 10_000; // lines that are kept of what comes live

export const lineOf = ([number, rank, stream, at, codes, text, length]) => ({ number, rank, stream, at, style: styleOf(codes), text, length });

export class LogStore {
  // `asks()`: which run and attempt; `changed()` is called when there is more to draw.
  constructor(asks, changed) {
    Object.assign(this, { asks, changed, tail: new LogLines(), pages: new Map(), wanted: new Set(), characters: 0, missing: 0, busy: false, gone: false, failed: "" });
  }

  get total() { return this.tail.total; }
  get errors() { return this.tail.allErrors; }

  ask(part, wanted) {
    const { run, attempt } = this.asks();
    return api(`/runs/${run}/log/${part}${query({ attempt, ...wanted })}`);
  }

  // Read what is stored, beginning around line `number`, or with the end. A log that is too large to
  // be looked at in one go grows while it is.
  async open(number) {
    const first = number ? Math.floor(Math.max(0, number - PAGE / 2) / PAGE) * PAGE + 1 : -PAGE;
    for (let wanted = { from: first, limit: 2 * PAGE }; ; wanted = { limit: "0" }) {
      const { items, lines, errors, tail, whole, missing, attempt_id: attemptId } = await this.ask("lines", { ...wanted, tail: true });
      if (this.gone) return null;
      const known = first < 0 ? items.map(lineOf) : [];
      this.missing = missing;
      if (tail) this.tail = new LogLines({ ...tail, lines, errors, known });
      for (let at = 0; first > 0 && at < items.length; at += PAGE) this.keep(`n${(first - 1 + at) / PAGE}`, items.slice(at, at + PAGE).map(lineOf));
      this.changed();
      if (whole) return attemptId;
    }
  }

  add(chunks) {
    if (!this.tail.add(chunks)) return false;
    // What was the last page has grown.
    if (this.tail.trim(TAIL)) for (const [key, page] of this.pages) if (page.length < PAGE) this.drop(key);
    return true;
  }

  // Line `number`, or null until it is here.
  line(number) { return this.tail.at(number) ?? this.from("n", number); }

  // The line on stderr with this rank.
  error(rank) {
    const { errors, errorsBase } = this.tail;
    return rank > errorsBase ? this.tail.at(errors[rank - errorsBase - 1]) : this.from("e", rank);
  }

  from(kind, at) {
    const key = kind + Math.floor((at - 1) / PAGE);
    const page = this.pages.get(key);
    if (page) return page[(at - 1) % PAGE] ?? null;
    this.wanted.add(key);
    if (!this.busy) this.fetch();
    return null;
  }

  // One page at a time, what was looked at last first: who scrolls fast waits for nothing in between.
  async fetch() {
    this.busy = true;
    // One frame, in which it may be scrolled to where it is to be.
    await new Promise(requestAnimationFrame);
    for (let key; (key = [...this.wanted].at(-1)) && !this.gone; ) {
      this.wanted.delete(key);
      try {
        const { items } = await this.ask("lines", { from: Number(key.slice(1)) * PAGE + 1, limit: PAGE, stream: key[0] === "e" && "stderr" });
        this.keep(key, items.map(lineOf));
        this.failed = "";
      } catch (error) {
        this.failed = `Some lines cannot be read. ${error.message}`;
        this.wanted.clear();
      }
      if (!this.gone) this.changed();
    }
    this.busy = false;
  }

  keep(key, lines) {
    this.drop(key);
    this.pages.set(key, lines);
    for (const line of lines) this.characters += line.text.length;
    for (const old of this.pages.keys()) {
      if (this.pages.size <= 3 || (this.pages.size <= MOST_PAGES && this.characters <= MOST_CHARACTERS)) break;
      this.drop(old);
    }
  }

  drop(key) {
    for (const line of this.pages.get(key) ?? []) this.characters -= line.text.length;
    this.pages.delete(key);
  }
}

// --- search -------------------------------------------------------------------------------------
const MOST_HITS = 5_000; // lines

// The server looks through the whole log, a part at a time; what is found is lines, and how often in each.
export class LogSearch {
  constructor(store, needle, onlyErrors) {
    Object.assign(this, { store, needle, onlyErrors, lines: [], ends: [], next: 1, busy: false, over: false, gone: false });
  }

  get count() { return this.ends.at(-1) ?? 0; }
  get full() { return this.lines.length >= MOST_HITS; }

  // Look through what was not looked through yet; `found()` is called after each part.
  async go(found) {
    if (this.busy) return;
    this.busy = true;
    try {
      // The last line may have grown since.
      this.next = Math.max(1, this.next - 1);
      for (let more = true; more && !this.full && !this.gone; ) {
        const answer = await this.store.ask("search", { q: this.needle, from: this.next, stream: this.onlyErrors && "stderr" });
        if (this.gone) return;
        this.take(answer);
        more = answer.more;
        this.over = !more;
        found();
      }
    } catch (error) {
      this.store.failed = `The log cannot be searched. ${error.message}`;
      found();
    } finally { this.busy = false; }
  }

  take({ items, next }) {
    for (const [number, rank, times] of items) {
      if (this.full) break;
      if (number <= (this.lines.at(-1)?.number ?? 0)) continue;
      this.lines.push({ number, rank });
      this.ends.push(this.count + times);
    }
    this.next = next;
  }

  // Which line the n-th occurrence (from 0) is in.
  lineOf(nth) {
    let [low, high] = [0, this.ends.length - 1];
    while (low < high) { const middle = (low + high) >> 1; if (this.ends[middle] > nth) high = middle; else low = middle + 1; }
    return this.lines[low];
  }
}
