// Which language the portal speaks, and how it says what the server wrote in English.
//
// The texts of the scripts are exchanged before they are served (services/ui/words). Sentences that the
// server makes are kept in the ledger in English, and matched here when they are shown: whole, and then
// what stands in their places. What no pattern knows stays as it is: a name, what a script printed.

const LANGUAGE = "en"; // both lines are written anew where another language is served
const PROSE = {};

// Marks one small word of the code as a text: without this it would be taken for a name.
export const word = (text) => text;

export const isChinese = LANGUAGE === "zh-Hant";
export const locale = isChinese ? "zh-HK" : "en-GB";

// Sentences one after another; only the last may lack its full stop.
export const sentences = (all) => all.filter(Boolean).map((one, index, { length }) => (index === length - 1 || /[.!?。！？]$/u.test(one) ? one : one + (isChinese ? "。" : "."))).join(isChinese ? "" : " ");

const PLACE = /\{(~?)(\d+)(>?)\}/g;
const HAN = /\p{Script=Han}/u;
const LATIN = /[A-Za-z0-9]/;
const LETTER = /\p{L}/u;
// Where a sentence ends and another begins; "St. Patrick" and "J. Smith" are none.
const SENTENCES = /(?:[\p{Ll}”]{3}|\d)[.!?] (?=[\p{Lu}“])/u;
const MOST_KEPT = 2000;
const LONGEST = 2000;
// Sentences, and pieces of them ("~on weekdays"), which are looked for only in a place that is to be told;
// those that take a piece apart ("~~{0} or on {1}") come before all others.
const tables = { joints: table(), sentences: table(), pieces: table() };
const kept = new Map();

function table() {
  return { whole: new Map(), begun: new Map(), other: [] };
}

for (const [english, words] of Object.entries(PROSE)) {
  const [mark, text] = /^(~*)(.*)$/su.exec(english).slice(1);
  learn([tables.sentences, tables.pieces, tables.joints][mark.length], text, words);
}

function learn({ whole, begun, other }, english, words) {
  if (!/\{\d+\}/.test(english)) { whole.set(english, words); return; }
  const pattern = { literals: english.split(/\{\d+\}/), words };
  const first = /^[^\s{]+(?=\s)/.exec(english)?.[0];
  if (!first) other.push(pattern);
  else if (begun.has(first)) begun.get(first).push(pattern);
  else begun.set(first, [pattern]);
}

// What stands in the places of a pattern, or null: each takes as little as fits. None takes more than one
// sentence, but where a colon begins what somebody else says.
function taken(english, literals) {
  const last = literals.at(-1);
  if (!english.startsWith(literals[0]) || !english.endsWith(last)) return null;
  const values = [];
  let at = literals[0].length;
  for (const literal of literals.slice(1, -1)) {
    const end = english.indexOf(literal, at + 1);
    if (end < 0) return null;
    values.push(english.slice(at, end));
    at = end + literal.length;
  }
  values.push(english.slice(at, Math.max(at, english.length - last.length)));
  const isTooMuch = (value, index) => !value || (SENTENCES.test(value) && !literals[index].endsWith(": "));
  return values.some(isTooMuch) ? null : values;
}

// A sentence of the server in the language that is spoken.
export function told(english) {
  if (!isChinese || typeof english !== "string" || !english || english.length > LONGEST) return english;
  let words = kept.get(english);
  if (words == null) {
    words = tables.sentences.whole.get(english) ?? severally(english, true) ?? find(english, tables.sentences) ?? severally(english, false) ?? english;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(english, words);
  }
  return words;
}

function find(english, { whole, begun, other }) {
  const exact = whole.get(english);
  if (exact != null) return exact;
  for (const { literals, words } of [...(begun.get(english.split(/\s/, 1)[0]) ?? []), ...other]) {
    const found = taken(english, literals);
    const said = found && filled(words, found);
    if (said != null) return said;
  }
  return null;
}

// Null: a place that is to be told holds words that nobody knows, so it is another sentence. After a colon
// stands what somebody else said, such as the name of a day: it stays as it is.
function filled(words, values) {
  let all = "";
  let at = 0;
  for (const { 0: place, 1: out, 2: number, 3: more, index } of words.matchAll(PLACE)) {
    all = spaced(all, words.slice(at, index));
    if (!out) {
      const value = more ? piece(values[number]) : values[number];
      if (more && value === values[number] && LETTER.test(value) && !all.endsWith("：") && !all.endsWith("「")) return null;
      all = spaced(all, value);
    }
    at = index + place.length;
  }
  return spaced(all, words.slice(at));
}

// Between Chinese and a Latin letter, a digit or a minute stands a space; what a value holds stays as it is.
function spaced(left, right) {
  const [end, begin] = [left.slice(-1), right.slice(0, 1)];
  const isJoint = (HAN.test(end) && (LATIN.test(begin) || /^:\d/.test(right))) || (LATIN.test(end) && HAN.test(begin));
  return isJoint ? `${left} ${right}` : left + right;
}

// A piece of a sentence, such as what a field of an expression says.
export const toldPiece = (english) => (isChinese ? piece(english) : english);

const pieces = new Map();

function piece(english) {
  let words = pieces.get(english);
  if (words == null) {
    words = find(english, tables.joints) ?? find(english, tables.sentences) ?? find(english, tables.pieces) ?? told(english);
    if (pieces.size >= MOST_KEPT) pieces.clear();
    pieces.set(english, words);
  }
  return words;
}

// A zone that follows a schedule, several sentences, several schedules in one line: each is told by itself.
function severally(english, isWhole) {
  const zoned = /^(.+) \(([\w+-]+(?:\/[\w+-]+)+|UTC)\)$/su.exec(english);
  if (zoned && !english.includes("; ")) {
    const rule = told(zoned[1]);
    return rule === zoned[1] ? null : `${rule}（${zoned[2]}）`;
  }
  return each(english.split(/(?<=[.!?]) (?=[A-Z“\d])/u), "", isWhole) ?? each(english.split("; "), "；", isWhole);
}

// Inside of a line a sentence may begin with a small letter.
function toldWithin(english) {
  const words = told(english);
  const begun = english.charAt(0).toUpperCase() + english.slice(1);
  return words === english && told(begun) !== begun ? told(begun) : words;
}

function each(parts, mark, isWhole) {
  if (parts.length < 2) return null;
  const words = parts.map(toldWithin);
  const known = words.filter((one, index) => one !== parts[index]).length;
  if (!known || (isWhole && known < parts.length)) return null;
  return words.reduce((all, one) => all + (mark || (/[。！？]$/u.test(all) ? "" : " ")) + one);
}

// What of the server's answers is its prose; the rest are names, numbers and what people typed.
const FIELDS = new Set(["detail", "error", "is", "problem", "problems", "refusal", "refused", "schedule_text", "sentence", "title", "warnings", "was", "why"]);
const PIECE = new Set(["text", "at", "ms"]);

const isPieces = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => one && typeof one === "object" && Object.keys(one).length === 1 && Object.keys(one).every((key) => PIECE.has(key)));

// A sentence in pieces is one sentence whose instants and durations are places.
function toldPieces(pieces) {
  const values = [];
  const english = pieces.map((piece) => piece.text ?? `\u0001${values.push(piece) - 1}\u0001`).join("");
  return told(english).split(/\u0001(\d+)\u0001/).map((part, index) => (index % 2 ? values[Number(part)] : { text: part })).filter((piece) => piece.text !== "");
}

// An answer of the server with its prose in the language that is spoken; `more` names further fields of it.
export function toldAll(answer, more = []) {
  if (!isChinese || answer == null || typeof answer !== "object") return answer;
  if (isPieces(answer)) return toldPieces(answer);
  if (Array.isArray(answer)) return answer.map((one) => toldAll(one, more));
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, toldField(key, value, more)]));
}

function toldField(key, value, more) {
  if (!FIELDS.has(key) && !more.includes(key)) return toldAll(value, more);
  if (typeof value === "string") return told(value);
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value.map(told) : toldAll(value, more);
}
