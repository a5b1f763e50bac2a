// One run's line in one chart: a series on the chosen x axis.
import type { Column } from "../api/payload";
import type { Series } from "./series";

export type XAxis = "step" | "relative" | "wall";

export interface Curve {
  run: string;
  name: string;
  colour: string;
  series: Series;
  x: Column | Float64Array;
}

/** The x of each point: steps, seconds since the run's start, or seconds since 1970. */
export function xOf(series: Series, axis: XAxis, started: number): Column | Float64Array {
  if (axis === "step") return series.step;
  const origin = axis === "relative" ? started : 0;
  return Float64Array.from(series.time, (ms) => (ms - origin) / 1000);
}

export interface Range {
  min: number;
  max: number;
}

export function xRange(curves: Curve[]): Range | null {
  let min = Infinity;
  let max = -Infinity;
  for (const { x } of curves) {
    for (const value of x) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return null;
  if (min === max) return { min: min - 1, max: max + 1 };
  return { min, max };
}

export type YScale = "linear" | "log" | "symlog";

/** Fits everything in view, spikes included; on a log axis what is positive. Null: there is nothing to fit. */
export function yRange(curves: Curve[], view: Range, scale: YScale): Range | null {
  let min = Infinity;
  let max = -Infinity;
  for (const { series, x } of curves) {
    const lows = series.low ?? series.line;
    const highs = series.high ?? series.line;
    for (let index = 0; index < x.length; index += 1) {
      if (x[index]! < view.min || x[index]! > view.max) continue;
      const high = highs[index]!;
      let low = lows[index]!;
      if (scale === "log" && low <= 0) low = series.line[index]! > 0 ? series.line[index]! : high;
      if (Number.isFinite(low) && low < min && (scale !== "log" || low > 0)) min = low;
      if (Number.isFinite(high) && high > max && (scale !== "log" || high > 0)) max = high;
    }
  }
  if (min > max) return null;
  if (scale === "log") {
    const margin = Math.max((max / min) ** 0.06, 1.05);
    return { min: min / margin, max: max * margin };
  }
  const margin = (max - min) * 0.06 || Math.abs(max) * 0.1 || 1;
  return { min: min - margin, max: max + margin };
}

/** How many points in view a log axis cannot show. */
export function nonPositive(curves: Curve[]): number {
  let found = 0;
  for (const { series } of curves) {
    const lows = series.low ?? series.line;
    for (const low of lows) if (low <= 0) found += 1;
  }
  return found;
}

/** The place of the point nearest to x, or -1. */
export function nearest(x: Column | Float64Array, at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - x[low - 1]! < x[low]! - at ? low - 1 : low;
}
