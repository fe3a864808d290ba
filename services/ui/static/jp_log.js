// From chunks to lines, and from a line to coloured pieces. Chunks cut anywhere: in a line, in an escape
// sequence, between \r and \n. No markup is ever made here: pieces end as text nodes.

import { plain } from "jp_format";

export const CUT = 16_384; // characters of one line that are drawn unasked

const SGR = /\x1b\[([0-9;:]*)m/g;

// A progress bar writes "10%\r20%\r30%": the last part that holds something is the line.
function settle(text) {
  const end = text.length - (/\r*$/.exec(text)[0].length);
  const cut = text.lastIndexOf("\r", end - 1);
  if (cut < 0) return text;
  const colours = (text.slice(0, cut).match(SGR) ?? []).slice(-8).join("");
  return colours + text.slice(cut + 1);
}

// Encoded, for a slice would keep what it is a part of.
const beginning = (text) => new TextDecoder().decode(new TextEncoder().encode(text.slice(0, CUT)));

const GROUP = /^(?:\x1b\[[0-9;:]*m)*::(?:group::([^]*)|(endgroup)::)/;

// The newest lines of a log, numbered from 1 by where they begin. It may begin in the middle, where the server
// says how things stand there: what comes before is not here.
export class LogLines {
  constructor({ seq = 0, lines = 0, errors = 0, open = [], codes = {}, groups = [], known = [] } = {}) {
    this.seq = seq; // every chunk up to this one was seen
    this.missing = 0; // chunks that were skipped because they never came
    this.base = lines - known.length; // how many lines come before those in `lines`
    this.lines = known; // { number, text, stream, at, style, length }: style is what the line before left switched on; length, of a line that was cut
    this.open = {}; // per stream, the line that has no end yet
    this.styles = {}; // per stream, the colours that are on
    this.early = new Map(); // open lines from before `base`
    this.groups = groups; // { first, last, said, name, errors }: `said`, that its end was; errors are those in it, before it while it goes on
    this.errorsBase = errors - known.filter((line) => line.stream === "stderr").length;
    this.errors = known.filter((line) => line.stream === "stderr").map((line) => line.number);
    for (const stream in codes) this.styles[stream] = styleOf(codes[stream]);
    for (const { number, ...one } of open) this.goOn(number, one);
  }

  goOn(number, { text, stream, at, codes }) {
    const line = this.at(number) ?? { number, stream, at, style: styleOf(codes) };
    this.open[stream] = Object.assign(line, { text });
    if (number <= this.base) this.early.set(number, line);
  }

  get total() { return this.base + this.lines.length; }
  get allErrors() { return this.errorsBase + this.errors.length; }
  at(number) { return number > this.base ? this.lines[number - this.base - 1] : this.early.get(number); }

  // Take chunks in order, each once: what is already here is passed over. Returns true if lines changed.
  add(chunks) {
    const before = this.seq;
    for (const chunk of chunks) {
      if (chunk.seq <= this.seq) continue;
      this.missing += chunk.seq - this.seq - 1;
      this.seq = chunk.seq;
      this.append(chunk);
    }
    return this.seq !== before;
  }

  append({ text, stream, at }) {
    let from = 0;
    while (from < text.length) {
      const end = text.indexOf("\n", from);
      const line = (this.open[stream] ??= this.start(stream, at));
      line.text = settle(line.text + text.slice(from, end < 0 ? text.length : end));
      if (end < 0) return;
      line.text = line.text.replace(/\r+$/, "");
      if (line.text.includes("\x1b")) this.styles[stream] = pieces(line.text, line.style).style;
      if (line.text.includes("::")) this.mark(line);
      if (line.text.length > CUT) Object.assign(line, { length: line.text.length, text: beginning(line.text) });
      this.open[stream] = undefined;
      from = end + 1;
    }
  }

  start(stream, at) {
    const line = { number: this.total + 1, text: "", stream, at, style: this.styles[stream] ?? null };
    this.lines.push(line);
    if (stream === "stderr") this.errors.push(line.number);
    return line;
  }

  // A group that begins ends the one before.
  mark({ number, text, stream }) {
    const found = GROUP.exec(text);
    if (!found) return;
    const last = this.groups.at(-1);
    if (last && last.last == null) {
      last.last = found[2] ? number : number - 1;
      last.said = Boolean(found[2]);
      last.errors = this.allErrors - last.errors - (stream === "stderr" ? 1 : 0);
    }
    if (!found[2]) this.groups.push({ first: number, last: null, said: false, name: plain(found[1]).slice(0, 200), errors: this.allErrors });
  }

  // Forget the oldest lines where there are more than twice as many: they are stored, and can be asked for.
  trim(keep) {
    if (this.lines.length <= 2 * keep) return false;
    const gone = this.lines.splice(0, this.lines.length - keep);
    this.base += gone.length;
    for (const line of Object.values(this.open)) if (line && line.number <= this.base) this.early.set(line.number, line);
    const errors = this.errors.length;
    this.errors = this.errors.filter((number) => number > this.base);
    this.errorsBase += errors - this.errors.length;
    return true;
  }
}

// --- colours ----------------------------------------------------------------------------------
function extended(codes, index) {
  if (codes[index + 1] === 5) return [256 + codes[index + 2], index + 2];
  if (codes[index + 1] === 2) return [`rgb(${codes.slice(index + 2, index + 5).map((value) => value & 255).join(" ")})`, index + 4];
  return [null, codes.length];
}

function applied(style, body) {
  const codes = body === "" ? [0] : body.split(/[;:]/).map(Number);
  let next = { ...style };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index];
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 39) next.fg = null;
    else if (code === 49) next.bg = null;
    else if (code === 38) [next.fg, index] = extended(codes, index);
    else if (code === 48) [next.bg, index] = extended(codes, index);
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
  }
  return next;
}

const styles = new Map();

// The style that sequences of colours leave on; the same object for the same sequences.
export function styleOf(codes) {
  if (!codes) return null;
  if (!styles.has(codes)) {
    if (styles.size > 500) styles.clear();
    styles.set(codes, pieces(codes).style);
  }
  return styles.get(codes);
}

export function colour(value) {
  if (typeof value === "string") return value;
  if (value < 16) return `var(--jp-ansi-${value})`;
  const index = value - 256;
  if (index < 16) return `var(--jp-ansi-${index})`;
  if (index >= 232) { const grey = 8 + (index - 232) * 10; return `rgb(${grey} ${grey} ${grey})`; }
  const level = (step) => (step ? 55 + step * 40 : 0);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

// How a style looks, for the style attribute.
export function look(style) {
  if (!style) return null;
  const { fg, bg, bold, dim, italic, underline, inverse } = style;
  const [front, back] = inverse ? [bg ?? "var(--jp-log-bg)", fg ?? "var(--jp-log-text)"] : [fg, bg];
  const paint = (value) => (value == null ? undefined : String(value).startsWith("var") ? value : colour(value));
  return {
    color: paint(front), backgroundColor: paint(back), fontWeight: bold ? 700 : undefined, opacity: dim ? 0.75 : undefined,
    fontStyle: italic ? "italic" : undefined, textDecoration: underline ? "underline" : undefined,
  };
}

// Split a line into { text, style }; also returns the style that is on at its end.
export function pieces(text, style = null) {
  const found = [];
  let from = 0;
  const push = (to) => {
    const part = plain(text.slice(from, to));
    if (part) found.push({ text: part, style });
  };
  for (const match of text.matchAll(SGR)) {
    push(match.index);
    style = applied(style, match[1]);
    from = match.index + match[0].length;
  }
  push(text.length);
  return { pieces: found, style };
}

// Small letters, each as long as what it stands for: a few capitals have small letters of two characters.
const folded = (text) => {
  const small = text.toLowerCase();
  return small.length === text.length ? small : Array.from(text, (char) => { const one = char.toLowerCase(); return one.length === char.length ? one : char; }).join("");
};

// Where `needle` occurs in a line's plain text, however either is capitalised.
export function occurrences(text, needle) {
  const [hay, wanted] = [folded(plain(text)), folded(needle)];
  const starts = [];
  for (let at = hay.indexOf(wanted); wanted && at >= 0; at = hay.indexOf(wanted, at + wanted.length)) starts.push(at);
  return starts;
}

// Cut pieces at the occurrences, so that each can be marked.
export function marked(parts, starts, length) {
  if (!starts.length) return parts;
  const result = [];
  let offset = 0;
  for (const part of parts) {
    const end = offset + part.text.length;
    let at = offset;
    for (const start of starts) {
      const [left, right] = [Math.max(start, at), Math.min(start + length, end)];
      if (left >= right) continue;
      if (left > at) result.push({ ...part, text: part.text.slice(at - offset, left - offset) });
      result.push({ ...part, text: part.text.slice(left - offset, right - offset), mark: true });
      at = right;
    }
    if (at < end) result.push({ ...part, text: part.text.slice(at - offset) });
    offset = end;
  }
  return result;
}
