// One run's line in one chart: a series on the chosen x axis, and the ranges that show it.
import type { Column } from "../api/payload";
import type { Series } from "./series";
import { linearBelow } from "./ticks";

export interface Curve {
  run: string;
  /** Of the metric among those of the chart: its dash. */
  dash: number;
  name: string;
  colour: string;
  /** Its colour while it is pointed at. */
  lit: string;
  series: Series;
  x: Column | Float64Array;
  /** Places at which a later attempt begins: the line breaks before them. */
  resumes: number[];
  /** False: x goes back and forth, so that a line would tell of an order that is not there. */
  ordered: boolean;
  /** Drawn pale, behind the others. */
  context: boolean;
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

/** What lies beyond a clipped axis, in buckets or points. */
export interface Beyond {
  above: number;
  below: number;
}

export interface Fit {
  range: Range;
  beyond: Beyond;
  /** The size below which a symlog axis is linear. */
  linear: number;
}

const MARGIN = 0.06;

/**
 * Fits everything in view, spikes included; on a log axis what is positive. With `clip` the axis fits the bulk, and
 * what lies beyond is counted: it is drawn as arrows at the edge. Null: there is nothing to fit.
 */
export function yFit(curves: Curve[], view: Range, scale: YScale, clip: boolean): Fit | null {
  const log = scale === "log";
  const lows: number[] = [];
  const highs: number[] = [];
  let min = Infinity;
  let max = -Infinity;
  for (const { series, x } of curves) {
    const low = series.low ?? series.line;
    const high = series.high ?? series.line;
    for (let index = 0; index < x.length; index += 1) {
      if (x[index]! < view.min || x[index]! > view.max) continue;
      const top = high[index]!;
      let bottom = low[index]!;
      if (log && bottom <= 0) bottom = series.line[index]! > 0 ? series.line[index]! : top;
      const bottomShown = Number.isFinite(bottom) && (!log || bottom > 0);
      const topShown = Number.isFinite(top) && (!log || top > 0);
      if (bottomShown && bottom < min) min = bottom;
      if (topShown && top > max) max = top;
      if (clip && bottomShown && topShown) {
        lows.push(bottom);
        highs.push(top);
      }
    }
  }
  if (min > max) return null;
  const whole: Range = { min, max };
  const range = clip ? bulk(lows, highs, whole, log) : whole;
  const beyond = { above: 0, below: 0 };
  if (range !== whole) {
    for (const high of highs) if (high > range.max) beyond.above += 1;
    for (const low of lows) if (low < range.min) beyond.below += 1;
  }
  const linear = linearBelow(range.min, range.max);
  return { range: padded(range, scale, linear), beyond, linear };
}

function padded({ min, max }: Range, scale: YScale, linear: number): Range {
  if (scale === "symlog" && max > min) {
    const low = Math.asinh(min / linear);
    const high = Math.asinh(max / linear);
    const margin = (high - low) * MARGIN;
    return { min: linear * Math.sinh(low - margin), max: linear * Math.sinh(high + margin) };
  }
  if (scale === "log") {
    const margin = Math.max((max / min) ** MARGIN, 1.05);
    return { min: min / margin, max: max * margin };
  }
  const margin = (max - min) * MARGIN || Math.abs(max) * 0.1 || 1;
  return { min: min - margin, max: max + margin };
}

/** From the 2nd to the 98th part in a hundred and half as far again: a training curve fits, a spike does not. */
function bulk(lows: number[], highs: number[], whole: Range, log: boolean): Range {
  if (highs.length < 20) return whole;
  const shown = (value: number) => (log ? Math.log(value) : value);
  const back = (value: number) => (log ? Math.exp(value) : value);
  const low = shown(lows.sort((a, b) => a - b)[Math.floor(0.02 * (lows.length - 1))]!);
  const high = shown(highs.sort((a, b) => a - b)[Math.ceil(0.98 * (highs.length - 1))]!);
  const reach = 0.5 * Math.max(0, high - low);
  const min = Math.max(whole.min, back(low - reach));
  const max = Math.min(whole.max, back(high + reach));
  if (!(max > min) || (min === whole.min && max === whole.max)) return whole;
  return { min, max };
}

/** How many points in view a log axis has no place for. */
export function nonPositive(curves: Curve[]): number {
  let found = 0;
  for (const { series } of curves) {
    if (series.shift < 0) {
      for (const value of series.line) if (value <= 0 && Number.isFinite(value)) found += 1;
    } else for (const count of series.nonpos ?? []) found += count;
  }
  return found;
}

/** A log axis leaves room under its least value for what it cannot show. */
export function withGutter({ min, max }: Range, share: number): Range {
  const span = Math.log(max / min);
  return { min: Math.exp(Math.log(min) - (span * share) / (1 - share)), max };
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

export interface Facts {
  first: number | undefined;
  last: number | undefined;
  min: number;
  max: number;
}

/** Of what is in view; NaN: there is no finite point. */
export function factsOf({ series }: Curve): Facts {
  let min = Infinity;
  let max = -Infinity;
  for (const value of series.low ?? series.line) if (value < min && Number.isFinite(value)) min = value;
  for (const value of series.high ?? series.line) if (value > max && Number.isFinite(value)) max = value;
  const none = min > max;
  return {
    first: series.line[0],
    last: series.line[series.line.length - 1],
    min: none ? NaN : min,
    max: none ? NaN : max,
  };
}
