// Past fifty lines: how many pass through each pixel, for a picture in which the crowd is a cloud.
import { span, type Plane } from "./band";
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
 * spike is in the picture as in the line.
 */
export function density(curves: Curve[], plane: Plane): Grid {
  const width = Math.ceil(plane.left + plane.width) - Math.floor(plane.left);
  const height = Math.max(1, Math.round(plane.height));
  const counts = new Uint16Array(width * height);
  let most = 0;
  for (const curve of curves) {
    const { top, bottom } = span(plane, curve);
    for (let column = 0; column < width; column += 1) {
      if (top[column]! > bottom[column]!) continue;
      const from = Math.max(0, Math.floor(top[column]! - plane.top));
      const to = Math.min(height - 1, Math.floor(bottom[column]! - plane.top));
      for (let place = from * width + column; place <= to * width + column; place += width) {
        const count = (counts[place]! += 1);
        if (count > most) most = count;
      }
    }
  }
  return { width, height, counts, most };
}
