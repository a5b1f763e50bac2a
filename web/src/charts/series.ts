// Series as the charts draw them, and how new buckets join those that are there.
import { decode, type Column } from "../api/payload";

export interface Series {
  run: string;
  metric: string;
  /** A bucket is 2^shift steps; -1: single points. */
  shift: number;
  points: number;
  seen: number;
  /** Points without a place on the x axis: the metric there has no value at their step. */
  unplaced: number;
  /** Of a group: its runs. */
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
  /** Finite points that are not above zero, of each bucket. */
  nonpos?: Column;
  /** Of a group: how many runs have points in the bucket. */
  runs?: Column;
  /** Values of the metric on the x axis. */
  x?: Column;
}

interface Wire {
  run: string;
  metric: string;
  shift: number;
  since: number | null;
  points: number;
  seen: number;
  unplaced: number;
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
  nonpos: "nonpos",
  runs: "runs",
  x: "x",
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
      unplaced: wire.unplaced,
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

const COLUMNS = [
  "step",
  "time",
  "line",
  "low",
  "high",
  "smooth",
  "counts",
  "nan",
  "above",
  "below",
  "nonpos",
  "runs",
  "x",
] as const;

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

/** In order of x: a series whose times or x values go back and forth is drawn from left to right. */
export function inOrder(series: Series, x: Column): { series: Series; x: Column; ordered: boolean } {
  let ordered = true;
  for (let index = 1; index < x.length && ordered; index += 1) ordered = !(x[index]! < x[index - 1]!);
  if (ordered) return { series, x, ordered };
  const places = Uint32Array.from(x, (_, index) => index).sort((a, b) => x[a]! - x[b]! || a - b);
  const sorted: Series = { ...series };
  for (const name of COLUMNS) {
    const column = series[name];
    if (column) sorted[name] = Float64Array.from(places, (place) => column[place]!);
  }
  return { series: sorted, x: Float64Array.from(places, (place) => x[place]!), ordered };
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
