// The native buckets of a histogram: a code is the top 12 bits (sign, exponent, 3 of the mantissa) of a float32.
import { number } from "../format/number";

const view = new DataView(new ArrayBuffer(4));
const SIGN = 0x800;
const PER_SIDE = 96; // rows of each sign: 12 octaves; what is smaller joins the row of zero

/** The edge of a code that is nearer to zero. */
export function inner(code: number): number {
  view.setUint32(0, (code << 20) >>> 0);
  return view.getFloat32(0);
}

export function outer(code: number): number {
  return (code & 0x7ff) >= 0x7f7 ? (code & SIGN ? -3.4e38 : 3.4e38) : inner(code + 1);
}

/** Rows from the least value to the greatest: negative buckets, one row for zero, positive buckets. */
export interface Rows {
  count: number;
  /** The row of zero and of magnitudes below `floor`; -1 where everything has one sign and is above it. */
  zero: number;
  floor: number;
  of: (code: number) => number;
  /** The value at the lower edge of a row. */
  edge: (row: number) => number;
}

export function rowsOf(codes: Iterable<number>): Rows {
  let negHigh = -1;
  let negLow = 0x800;
  let posHigh = -1;
  let posLow = 0x800;
  for (const code of codes) {
    const size = code & 0x7ff;
    if (code & SIGN) {
      negHigh = Math.max(negHigh, size);
      negLow = Math.min(negLow, size);
    } else {
      posHigh = Math.max(posHigh, size);
      posLow = Math.min(posLow, size);
    }
  }
  const top = Math.max(negHigh, posHigh);
  const least = Math.max(8, top - PER_SIDE + 1); // codes below 8 are denormal: zero, for a picture
  const one = negHigh < 0 ? posLow > least : posHigh < 0 && negLow > least;
  const negFrom = Math.max(least, one ? negLow : least);
  const posFrom = Math.max(least, one ? posLow : least);
  const negatives = negHigh < 0 ? 0 : Math.max(0, negHigh - negFrom + 1);
  const positives = posHigh < 0 ? 0 : Math.max(0, posHigh - posFrom + 1);
  const zero = one ? -1 : negatives;
  const above = negatives + (one ? 0 : 1);
  return {
    count: Math.max(1, above + positives),
    zero,
    floor: inner(least),
    of: (code) => {
      const size = code & 0x7ff;
      if (size < (code & SIGN ? negFrom : posFrom)) return Math.max(0, zero);
      return code & SIGN ? negHigh - size : above + size - posFrom;
    },
    edge: (row) => {
      if (row < negatives || (one && !positives)) return -inner(negHigh - row + 1);
      if (row === zero) return negatives ? -inner(least) : 0;
      return inner(posFrom + row - above);
    },
  };
}

export interface Label {
  /** Where it stands among the rows; a value within a bucket stands within its row. */
  row: number;
  text: string;
}

const LABELS = 8; // at most, over all rows

/** Zero and powers of ten on both sides of it; where there are fewer than three, twice and five times them too. */
export function labelled(rows: Rows): Label[] {
  const ends = [Math.abs(rows.edge(0)), Math.abs(rows.edge(rows.count))];
  const most = Math.max(...ends);
  const least = rows.zero >= 0 ? rows.floor : Math.min(...ends);
  if (!(most > 0)) return [{ row: 0.5, text: "0" }];
  const found: Label[] = rows.zero >= 0 ? [{ row: rows.zero + 0.5, text: "≈ 0" }] : [];
  const decades = Math.log10(most / least);
  const parts = decades < 3 ? [5, 2, 1] : [1];
  for (let power = Math.floor(Math.log10(most)); power >= Math.floor(Math.log10(least)); power -= 1) {
    for (const part of parts) {
      const size = Number(`${part}e${power}`);
      if (size < least) continue;
      for (const value of [size, -size]) {
        const row = rowOf(rows, value);
        if (row !== null && found.every((one) => Math.abs(one.row - row) >= rows.count / LABELS))
          found.push({ row, text: number(value, 3) });
      }
    }
  }
  return found.sort((a, b) => a.row - b.row);
}

function rowOf(rows: Rows, value: number): number | null {
  if (value < rows.edge(0) || value > rows.edge(rows.count)) return null;
  view.setFloat32(0, value);
  const row = rows.of(view.getUint32(0) >>> 20);
  const from = rows.edge(row);
  const share = (value - from) / (rows.edge(row + 1) - from);
  return row + Math.min(1, Math.max(0, share));
}
