// Where a point lies on the chosen x axis, and which part of a run a view of that axis means.
import type { Column } from "../api/payload";
import type { Series } from "./series";
import type { View } from "./store";

/** `m:NAME` has another metric's values on the x axis. */
export type XAxis = "step" | "rstep" | "process" | "relative" | "wall" | `m:${string}`;

/** [start, end] of each attempt in ms, in order; the end is null while it lives. */
export type Attempts = [number, number | null][];

export interface Life {
  /** ms since 1970 */
  started: number;
  attempts?: Attempts;
  firstStep?: number;
}

export function axisOf(text: string): XAxis {
  const known = ["step", "rstep", "process", "relative", "wall"];
  return known.includes(text) || text.startsWith("m:") ? (text as XAxis) : "step";
}

export function metricOf(axis: XAxis): string | null {
  return axis.startsWith("m:") ? axis.slice(2) : null;
}

export function byTime(axis: XAxis): boolean {
  return axis === "process" || axis === "relative" || axis === "wall";
}

/** Seconds a run has been at work at this moment: the time between its attempts does not count. */
export function processSeconds(ms: number, { started, attempts }: Life): number {
  if (!attempts?.length) return (ms - started) / 1000;
  let before = 0;
  for (let index = 0; index < attempts.length; index += 1) {
    const [start, end] = attempts[index]!;
    const next = attempts[index + 1]?.[0] ?? Infinity;
    if (ms < next || index === attempts.length - 1) {
      // What was written before the first start (a clock that was set) stays before it.
      const inside = end === null ? ms - start : Math.min(ms, Math.max(end, start)) - start;
      return (before + inside) / 1000;
    }
    before += Math.max(0, (end ?? next) - start);
  }
  return before / 1000;
}

/** The moment (ms) at which a run had been at work for so long. */
export function momentOf(seconds: number, { started, attempts }: Life): number {
  if (!attempts?.length) return started + seconds * 1000;
  let left = seconds * 1000;
  for (let index = 0; index < attempts.length; index += 1) {
    const [start, end] = attempts[index]!;
    const lasted = (end ?? Infinity) - start;
    if (left <= lasted || index === attempts.length - 1) return start + left;
    left -= Math.max(0, lasted);
  }
  return started;
}

/** The x of each point: steps, seconds since the start, seconds since 1970, or values of another metric. */
export function xOf(series: Series, axis: XAxis, life: Life): Column | Float64Array {
  if (series.x) return series.x;
  if (axis === "step" || !byTime(axis)) {
    const first = axis === "rstep" ? (life.firstStep ?? 0) : 0;
    return first ? Float64Array.from(series.step, (step) => step - first) : series.step;
  }
  if (axis === "process") return Float64Array.from(series.time, (ms) => processSeconds(ms, life));
  const origin = axis === "relative" ? life.started : 0;
  return Float64Array.from(series.time, (ms) => (ms - origin) / 1000);
}

/** Which points are the first of a later attempt: the line breaks before them. Null: there are none. */
export function resumesOf(series: Series, attempts: Attempts | undefined): number[] {
  const found: number[] = [];
  if (!attempts || attempts.length < 2) return found;
  let attempt = -1;
  for (let index = 0; index < series.time.length; index += 1) {
    let now = attempts.length - 1;
    while (now > 0 && series.time[index]! < attempts[now]![0]) now -= 1;
    if (attempt >= 0 && now > attempt) found.push(index);
    attempt = Math.max(attempt, now);
  }
  return found;
}

/** What the server is asked for when this part of the axis is in view. */
export function viewOf(zoom: { min: number; max: number } | null, axis: XAxis, life: Life): View | null {
  if (!zoom) return null;
  const { min, max } = zoom;
  if (metricOf(axis) !== null) return { low: min, high: max, byTime: false };
  if (!byTime(axis)) {
    const first = axis === "rstep" ? (life.firstStep ?? 0) : 0;
    return { low: Math.floor(min) + first, high: Math.ceil(max) + first, byTime: false };
  }
  if (axis === "process") {
    return { low: Math.floor(momentOf(min, life)), high: Math.ceil(momentOf(max, life)), byTime: true };
  }
  const origin = axis === "relative" ? life.started : 0;
  return { low: Math.floor(origin + min * 1000), high: Math.ceil(origin + max * 1000), byTime: true };
}

export function axisName(axis: XAxis): string {
  const metric = metricOf(axis);
  if (metric !== null) return metric;
  return {
    step: "step",
    rstep: "relative step",
    process: "process time",
    relative: "time since start",
    wall: "time",
  }[axis as "step"];
}
