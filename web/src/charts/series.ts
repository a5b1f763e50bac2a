// Series as the charts draw them, and how new buckets join those that are there.
import { decode, type Column } from "../api/payload";

export interface Series {
  run: string;
  metric: string;
  /** A bucket is 2^shift steps; -1: single points. */
  shift: number;
  points: number;
  seen: number;
  ranks: number;
  step: Column;
  time: Column;
  /** Points, or the mean of each bucket (the median where ranks share it). */
  line: Column;
  low?: Column;
  high?: Column;
  smooth?: Column;
  counts?: Column;
  nan?: Column;
  above?: Column;
  below?: Column;
}

interface Wire {
  run: string;
  metric: string;
  shift: number;
  since: number | null;
  points: number;
  seen: number;
  ranks: number;
  columns: Record<string, number>;
}

export interface Answer {
  series: Series;
  /** Null: all of the view. Else the part from this step on, to be joined to what is held. */
  since: number | null;
}

const OPTIONAL = {
  low: "low",
  high: "high",
  smooth: "smooth",
  counts: "points",
  nan: "nan",
  above: "above",
  below: "below",
};

export function answers(buffer: ArrayBuffer): Answer[] {
  const { body, arrays } = decode<Wire[]>(buffer);
  return body.map((wire) => {
    const column = (name: string): Column => arrays[wire.columns[name] ?? -1] ?? new Float64Array(0);
    const series: Series = {
      run: wire.run,
      metric: wire.metric,
      shift: wire.shift,
      points: wire.points,
      seen: wire.seen,
      ranks: wire.ranks,
      step: column("step"),
      time: column("time"),
      line: column(wire.shift < 0 ? "value" : "line"),
    };
    for (const [name, sent] of Object.entries(OPTIONAL)) {
      if (sent in wire.columns) series[name as keyof typeof OPTIONAL] = column(sent);
    }
    return { series, since: wire.since };
  });
}

const COLUMNS = ["step", "time", "line", "low", "high", "smooth", "counts", "nan", "above", "below"] as const;

/** What is held up to `since`, then the new part. Old buckets are the same objects' bytes: nothing moves on screen. */
export function join(held: Series, { series: fresh, since }: Answer): Series {
  if (since === null || held.shift !== fresh.shift) return fresh;
  let keep = held.step.length;
  while (keep > 0 && held.step[keep - 1]! >= since) keep -= 1;
  const joined: Series = { ...fresh };
  const length = keep + fresh.step.length;
  for (const name of COLUMNS) {
    const old = held[name];
    const next = fresh[name];
    if (!old && !next) continue;
    const whole = new Float64Array(length);
    if (old) whole.set(old.subarray(0, keep));
    if (next) whole.set(next, keep);
    joined[name] = whole;
  }
  return joined;
}

/** Non-finite points of a series. */
export function badPoints(series: Series): number {
  if (series.shift < 0) return count(series.line, (value) => !Number.isFinite(value));
  return sum(series.nan) + sum(series.above) + sum(series.below);
}

function count(column: Column, test: (value: number) => boolean): number {
  let found = 0;
  for (const value of column) if (test(value)) found += 1;
  return found;
}

function sum(column: Column | undefined): number {
  let total = 0;
  if (column) for (const value of column) total += value;
  return total;
}
