// The band between the least and the greatest of each bucket, a bar in each column of device pixels: where no GPU draws, a
// polygon with as many corners costs six times as much, and looks the same.
import type { Curve } from "./curve";
import type { Frame } from "./draw";
import type { Sheet } from "./sheet";

/** Where values are on the canvas: a part of Frame. */
export type Plane = Pick<Frame, "left" | "top" | "width" | "height" | "x" | "y" | "scale">;

/** Of each pixel across, from the left of the plot: where the band begins and ends in it; Infinity: it is not there. */
export interface Span {
  left: number;
  top: Float64Array;
  bottom: Float64Array;
}

// Of the curve in hand: a chart of a hundred would leave two such arrays a curve to the collector.
let tops = new Float64Array(0);
let bottoms = new Float64Array(0);

/**
 * Between two buckets the edges run straight; at a resume, and where nothing is finite, the band is interrupted. Of a
 * curve without buckets: where its line is. It stands until the next is asked for.
 */
export function span(plane: Plane, { series, x: places, resumes, ordered }: Curve): Span {
  const high = series.high ?? series.line;
  const low = series.low ?? series.line;
  const joined = ordered || series.high !== undefined;
  const left = Math.floor(plane.left);
  const width = Math.ceil(plane.left + plane.width) - left;
  if (tops.length < width) {
    tops = new Float64Array(width);
    bottoms = new Float64Array(width);
  }
  const top = tops.subarray(0, width).fill(Infinity);
  const bottom = bottoms.subarray(0, width).fill(-Infinity);
  const { x, y, scale } = plane;
  const log = scale === "log";
  const floor = plane.top + plane.height;
  let resume = 0;
  let next = resumes.length ? resumes[0]! : -1;
  let there = false;
  let wasX = 0;
  let wasTop = 0;
  let wasBottom = 0;
  // Of the column in hand, which is put down once the curve leaves it.
  let column = 0;
  let upper = Infinity;
  let lower = -Infinity;
  for (let index = 0; index < places.length; index += 1) {
    if (index === next) {
      there = false;
      resume += 1;
      next = resume < resumes.length ? resumes[resume]! : -1;
    }
    const greatest = high[index]!;
    const least = low[index]!;
    if (greatest - greatest !== 0 || least - least !== 0 || (log && greatest <= 0)) {
      there = false; // an infinity less itself is no number
      continue;
    }
    const px = x(places[index]!) - left;
    const above = y(greatest);
    const below = least === greatest ? above : log && least <= 0 ? floor : y(least);
    const now = px < 0 ? -1 : px >= width ? width : px | 0;
    if (now !== column) {
      if (there && joined && now > column) {
        // At each border between two pixels that lies before this bucket, of what is in view.
        const across = 1 / (px - wasX);
        const steepTop = (above - wasTop) * across;
        const steepBottom = (below - wasBottom) * across;
        while (column < now) {
          const edgeTop = wasTop + (column + 1 - wasX) * steepTop;
          const edgeBottom = wasBottom + (column + 1 - wasX) * steepBottom;
          if (column >= 0) {
            upper = Math.min(upper, edgeTop); // which does not branch, as the processor could not foretell
            lower = Math.max(lower, edgeBottom);
            if (upper < top[column]!) top[column] = upper;
            if (lower > bottom[column]!) bottom[column] = lower;
          }
          column += 1;
          upper = edgeTop;
          lower = edgeBottom;
        }
      } else {
        if (column >= 0 && column < width) {
          if (upper < top[column]!) top[column] = upper;
          if (lower > bottom[column]!) bottom[column] = lower;
        }
        column = now;
        upper = Infinity;
        lower = -Infinity;
      }
    }
    upper = Math.min(upper, above);
    lower = Math.max(lower, below);
    there = true;
    wasX = px;
    wasTop = above;
    wasBottom = below;
  }
  if (column >= 0 && column < width) {
    if (upper < top[column]!) top[column] = upper;
    if (lower > bottom[column]!) bottom[column] = lower;
  }
  return { left, top, bottom };
}

/** In the sheet's ink. Its outline is drawn apart: a spike one bucket wide has next to no area, this is what shows it. */
export function fillBand(sheet: Sheet, { top, bottom }: Span): void {
  for (let column = 0; column < top.length; column += 1) sheet.bar(column, top[column]!, bottom[column]!);
}

/** An edge reaches in each pixel as far as the next pixels' do. */
export function outlineBand(sheet: Sheet, { top, bottom }: Span): void {
  const last = top.length - 1;
  for (let column = 0; column <= last; column += 1) {
    const above = top[column]!;
    const below = bottom[column]!;
    if (above > below) continue;
    let upper = above + 1;
    let lower = below - 1;
    for (let beside = column - 1; beside <= column + 1; beside += 2) {
      if (beside < 0 || beside > last || top[beside]! > bottom[beside]!) continue;
      if (top[beside]! > upper) upper = top[beside]!;
      if (bottom[beside]! < lower) lower = bottom[beside]!;
    }
    if (upper < lower) {
      sheet.bar(column, above, upper);
      sheet.bar(column, lower, below);
    } else sheet.bar(column, above, Math.max(below, above + 1));
  }
}

/** The same as a line: no thinner than `thin` pixels. */
export function lineBand(sheet: Sheet, { top, bottom }: Span, thin: number): void {
  for (let column = 0; column < top.length; column += 1) {
    const more = Math.max(0, thin - (bottom[column]! - top[column]!)) / 2;
    sheet.bar(column, top[column]! - more, bottom[column]! + more);
  }
}
