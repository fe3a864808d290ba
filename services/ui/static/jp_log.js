// From chunks to lines, and from a line to coloured pieces. Chunks cut anywhere: in a line, in an escape
// sequence, between \r and \n. No markup is ever made here: pieces end as text nodes.

import { plain } from "jp_format";

export const CUT = 16_500; // characters of one line that are drawn unasked: executors cut it there, and say so

const SGR = /\x1b\[([0-9;:]*)m/g;

// A progress bar writes "10%\r20%\r30%": the last part that holds something is the line.
function settle(text) {
  const end = text.length - (/\r*$/.exec(text)[0].length);
  const cut = text.lastIndexOf("\r", end - 1);
  if (cut < 0) return text;
  const colours = (text.slice(0, cut).match(SGR) ?? []).slice(-8).join("");
  return colours + text.slice(cut + 1);
}

export class LogLines {
  constructor() {
    this.lines = []; // { text, stream, at, style }: style is what the line before left switched on
    this.seq = 0; // every chunk up to this one is in `lines`
    this.missing = 0; // chunks that were skipped because they never came
    this.open = {}; // per stream, the line that has no end yet
    this.styles = {}; // per stream, the colours that are on
  }

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
      this.open[stream] = undefined;
      from = end + 1;
    }
  }

  start(stream, at) {
    const line = { text: "", stream, at, style: this.styles[stream] ?? null };
    this.lines.push(line);
    return line;
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

// Where `needle` (lower case) occurs in a line's plain text.
export function occurrences(text, needle) {
  const hay = plain(text).toLowerCase();
  const starts = [];
  for (let at = hay.indexOf(needle); needle && at >= 0; at = hay.indexOf(needle, at + needle.length)) starts.push(at);
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
