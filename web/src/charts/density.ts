// Past fifty lines: how many pass through each pixel, for a picture in which the crowd is a cloud.
import type { Curve } from "./curve";

export interface Grid {
  width: number;
  height: number;
  /** Row by row from the top. */
  counts: Uint16Array;
  most: number;
}

/**
 * Each curve counts once in a pixel. Between two points it is taken straight; a bucket counts over its whole band, so a
 * spike is in the picture as in the line. x and y give pixels of the grid.
 */
export function density(
  curves: Curve[],
  width: number,
  height: number,
  x: (value: number) => number,
  y: (value: number) => number,
): Grid {
  const counts = new Uint16Array(width * height);
  const top = new Float64Array(width);
  const bottom = new Float64Array(width);
  let most = 0;
  for (const curve of curves) {
    top.fill(Infinity);
    bottom.fill(-Infinity);
    cover(curve, width, x, y, top, bottom);
    for (let column = 0; column < width; column += 1) {
      const from = Math.max(0, Math.floor(top[column]!));
      const to = Math.min(height - 1, Math.floor(bottom[column]!));
      for (let row = from; row <= to; row += 1) {
        const count = (counts[row * width + column]! += 1);
        if (count > most) most = count;
      }
    }
  }
  return { width, height, counts, most };
}

/** The pixels of each column that one curve passes through. */
function cover(
  { series, x: places, resumes, ordered }: Curve,
  width: number,
  x: (value: number) => number,
  y: (value: number) => number,
  top: Float64Array,
  bottom: Float64Array,
): void {
  const breaks = new Set(resumes);
  const reach = (column: number, a: number, b: number) => {
    if (column < 0 || column >= width) return;
    top[column] = Math.min(top[column]!, a, b);
    bottom[column] = Math.max(bottom[column]!, a, b);
  };
  let beforeX = NaN;
  let beforeY = NaN;
  for (let index = 0; index < places.length; index += 1) {
    const value = series.line[index]!;
    const py = y(value);
    if (!Number.isFinite(value) || !Number.isFinite(py)) {
      beforeX = NaN;
      continue;
    }
    const px = x(places[index]!);
    const low = series.low ? y(series.low[index]!) : py;
    const high = series.high ? y(series.high[index]!) : py;
    reach(Math.floor(px), Number.isFinite(low) ? low : py, Number.isFinite(high) ? high : py);
    if (!Number.isNaN(beforeX) && ordered && !breaks.has(index)) {
      const first = Math.max(0, Math.floor(beforeX));
      const last = Math.min(width - 1, Math.floor(px));
      for (let column = first; column <= last; column += 1) {
        const at = (edge: number) => {
          const part = px === beforeX ? 1 : (edge - beforeX) / (px - beforeX);
          return beforeY + Math.min(1, Math.max(0, part)) * (py - beforeY);
        };
        reach(column, at(column), at(column + 1));
      }
    }
    beforeX = px;
    beforeY = py;
  }
}
