// Which line stands in which row, and where rows begin: groups fold, lines wrap, and not all of them are here.

export const LINE = 20; // px, as in portal.css
const BLOCK = 256; // rows

// All lines but those that are hidden. `ranges`: [first, last] in order, none within another.
export class Rows {
  constructor(total, ranges) {
    this.ranges = ranges.filter(([first, last]) => first <= last && last <= total);
    let hidden = 0;
    this.starts = this.ranges.map(([first, last]) => { const start = first - 1 - hidden; hidden += last - first + 1; return start; });
    this.length = total - hidden;
  }

  // How many ranges are hidden before `value`, by what `of` gives of each.
  count(of, value) {
    let [low, high] = [0, this.ranges.length];
    while (low < high) { const middle = (low + high) >> 1; if (of(middle) <= value) low = middle + 1; else high = middle; }
    return low;
  }

  lineAt(row) {
    const before = this.count((index) => this.starts[index], row);
    if (!before) return row + 1;
    // The first row after a range is the line after it.
    return row - this.starts[before - 1] + this.ranges[before - 1][1] + 1;
  }

  // The row of a line; of a hidden one the row above, which is its group's name.
  rowOf(line) {
    const before = this.count((index) => this.ranges[index][0], line);
    if (!before) return line - 1;
    const [, last] = this.ranges[before - 1];
    const start = this.starts[before - 1];
    return line <= last ? Math.max(0, start - 1) : start + line - last - 1;
  }
}

// Where rows begin while long lines wrap: `more(row)` says how many lines of text it takes beyond its first,
// null while that is not known. What was never looked at counts as one line.
export class Heights {
  constructor(more) {
    Object.assign(this, { more, blocks: new Map(), sums: [0] });
  }

  // Look at the rows again of which not all was known, or `more` says something else; true if anything has moved.
  measure(first, last, length, isOther = false) {
    let moved = false;
    for (let block = Math.floor(first / BLOCK); block <= Math.floor(Math.max(first, last - 1) / BLOCK); block++) moved = this.look(block, length, isOther) || moved;
    if (moved) this.sums = [0];
    return moved;
  }

  look(block, length, isOther) {
    const before = this.blocks.get(block);
    if (before?.whole && !isOther) return false;
    const [begin, end] = [block * BLOCK, Math.min((block + 1) * BLOCK, length)];
    const ends = new Uint32Array(BLOCK + 1);
    let whole = end - begin === BLOCK;
    for (let row = begin; row < begin + BLOCK; row++) {
      const more = row < end ? this.more(row) : 0;
      if (more == null) whole = false;
      ends[row - begin + 1] = ends[row - begin] + (more ?? 0);
    }
    this.blocks.set(block, { ends, whole });
    return !before || before.ends.some((value, index) => value !== ends[index]);
  }

  offset(row) {
    const block = Math.floor(row / BLOCK);
    while (this.sums.length <= block) this.sums.push(this.sums.at(-1) + (this.blocks.get(this.sums.length - 1)?.ends[BLOCK] ?? 0));
    return LINE * (row + this.sums[block] + (this.blocks.get(block)?.ends[row - block * BLOCK] ?? 0));
  }

  rowAt(y, length) {
    let [low, high] = [0, length];
    while (low < high) { const middle = (low + high + 1) >> 1; if (this.offset(middle) <= y) low = middle; else high = middle - 1; }
    return low;
  }
}
