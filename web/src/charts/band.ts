// The band between the least and the greatest of each bucket, a vertical hairline for each device pixel across: where no
// GPU draws, a polygon with as many corners costs six times as much, and looks the same.
import type { Curve } from "./curve";
import type { Frame } from "./draw";

/** Where values are on the canvas: a part of Frame. */
export type Plane = Pick<Frame, "left" | "top" | "width" | "height" | "x" | "y" | "scale">;

/** Of each pixel across, from the left of the plot: where the band begins and ends in it; Infinity: it is not there. */
export interface Span {
  left: number;
  top: Float64Array;
  bottom: Float64Array;
}

export interface Band {
  body: Path2D;
  /** Its outline: a spike one bucket wide has next to no area, this is what shows it. */
  edge: Path2D;
}

/**
 * Between two buckets the edges run straight; at a resume, and where nothing is finite, the band is interrupted. Of a
 * curve without buckets: where its line is.
 */
export function span(plane: Plane, { series, x: places, resumes, ordered }: Curve): Span {
  const high = series.high ?? series.line;
  const low = series.low ?? series.line;
  const joined = ordered || series.high !== undefined;
  const left = Math.floor(plane.left);
  const width = Math.ceil(plane.left + plane.width) - left;
  const top = new Float64Array(width).fill(Infinity);
  const bottom = new Float64Array(width).fill(-Infinity);
  const { x, y, scale } = plane;
  const log = scale === "log";
  const floor = plane.top + plane.height;
  const cover = (column: number, above: number, below: number) => {
    if (above < top[column]!) top[column] = above;
    if (below > bottom[column]!) bottom[column] = below;
  };
  let resume = 0;
  let there = false;
  let wasX = 0;
  let wasTop = 0;
  let wasBottom = 0;
  for (let index = 0; index < places.length; index += 1) {
    if (index === resumes[resume]) {
      there = false;
      resume += 1;
    }
    const greatest = high[index]!;
    const least = low[index]!;
    if (!Number.isFinite(greatest) || !Number.isFinite(least) || (log && greatest <= 0)) {
      there = false;
      continue;
    }
    const px = x(places[index]!) - left;
    const above = y(greatest);
    const below = log && least <= 0 ? floor : y(least);
    const column = Math.floor(px);
    if (there && joined) {
      // At each border between two pixels that lies before this bucket, of what is in view.
      for (let at = Math.max(0, Math.floor(wasX) + 1); at <= column && at <= width; at += 1) {
        const part = (at - wasX) / (px - wasX);
        const edgeTop = wasTop + part * (above - wasTop);
        const edgeBottom = wasBottom + part * (below - wasBottom);
        if (at > 0) cover(at - 1, edgeTop, edgeBottom);
        if (at < width) cover(at, edgeTop, edgeBottom);
      }
    }
    if (column >= 0 && column < width) cover(column, above, below);
    there = true;
    wasX = px;
    wasTop = above;
    wasBottom = below;
  }
  return { left, top, bottom };
}

/** The band at a fraction of its colour and its outline. An edge reaches in each pixel as far as the next pixels' do. */
export function bandPaths({ left, top, bottom }: Span): Band {
  const body = new Path2D();
  const edge = new Path2D();
  const last = top.length - 1;
  for (let column = 0; column <= last; column += 1) {
    const above = top[column]!;
    const below = bottom[column]!;
    if (above > below) continue;
    const at = left + column + 0.5;
    let upper = above + 1;
    let lower = below - 1;
    for (const beside of [column - 1, column + 1]) {
      if (beside < 0 || beside > last || top[beside]! > bottom[beside]!) continue;
      if (top[beside]! > upper) upper = top[beside]!;
      if (bottom[beside]! < lower) lower = bottom[beside]!;
    }
    edge.moveTo(at, above);
    if (upper < lower) {
      body.moveTo(at, above);
      body.lineTo(at, below);
      edge.lineTo(at, upper);
      edge.moveTo(at, lower);
      edge.lineTo(at, below);
    } else {
      if (below > above) {
        body.moveTo(at, above);
        body.lineTo(at, below);
      }
      edge.lineTo(at, Math.max(below, above + 1));
    }
  }
  return { body, edge };
}

/** The same as a line: no thinner than `thin` pixels. */
export function linePath({ left, top, bottom }: Span, thin: number): Path2D {
  const path = new Path2D();
  for (let column = 0; column < top.length; column += 1) {
    const more = Math.max(0, thin - (bottom[column]! - top[column]!)) / 2;
    if (top[column]! > bottom[column]!) continue;
    path.moveTo(left + column + 0.5, top[column]! - more);
    path.lineTo(left + column + 0.5, bottom[column]! + more);
  }
  return path;
}
