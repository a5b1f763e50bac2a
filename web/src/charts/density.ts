// Past fifty lines: how many pass through each pixel, for a picture in which the crowd is a cloud.
import { span, type Plane } from "./band";
import type { Curve } from "./curve";

export interface Grid {
  width: number;
  height: number;
  /** Column by column from the left, each from the top. */
  counts: Uint16Array;
  most: number;
}

/**
 * Each curve counts once in a pixel. Between two points it is taken straight; a bucket counts over its whole band, so a
 * spike is in the picture as in the line.
 */
export function density(curves: Curve[], plane: Plane): Grid {
  const width = Math.ceil(plane.left + plane.width) - Math.floor(plane.left);
  const height = Math.max(1, Math.round(plane.height));
  // First where each begins and ends, modulo 65,536: it costs nothing how high they are.
  const counts = new Uint16Array(width * height + 1);
  for (const curve of curves) {
    const { top, bottom } = span(plane, curve);
    for (let column = 0; column < width; column += 1) {
      const from = Math.max(0, Math.floor(top[column]! - plane.top));
      const to = Math.min(height - 1, Math.floor(bottom[column]! - plane.top));
      if (!(from <= to)) continue;
      counts[column * height + from]! += 1;
      counts[column * height + to + 1]! -= 1; // in the next column, where it is the last row
    }
  }
  let most = 0;
  let count = 0;
  for (let place = 0; place < width * height; place += 1) {
    count = (count + counts[place]!) & 0xffff;
    counts[place] = count;
    if (count > most) most = count;
  }
  return { width, height, counts, most };
}
