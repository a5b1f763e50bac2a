// A heatmap's answer: one column a step (or a power-of-two range of steps), sparse counts by bucket code.
import { decode, type Column } from "../api/payload";
import type { Rows } from "./codes";

export interface Heat {
  histograms: number;
  /** Histograms that were kept with edges of their own, spread over the native buckets. */
  given: number;
  shift: number;
  columns: number;
  step: Column;
  lastStep: Column;
  merged: Column;
  count: Column;
  sum: Column;
  low: Column;
  high: Column;
  nan: Column;
  above: Column;
  below: Column;
  ends: Column;
  codes: Column;
  counts: Column;
}

export function heat(buffer: ArrayBuffer): Heat {
  const { body, arrays } = decode<{
    histograms: number;
    given: number;
    shift: number;
    columns: Record<string, number>;
  }>(buffer);
  const named = Object.fromEntries(
    Object.entries(body.columns).map(([name, index]) => [name, arrays[index] ?? new Float64Array(0)]),
  ) as unknown as Omit<Heat, "histograms" | "given" | "shift" | "columns">;
  return {
    ...named,
    histograms: body.histograms,
    given: body.given,
    shift: body.shift,
    columns: named.step.length,
  };
}

/** The counts of one column by row. */
export function columnRows(data: Heat, rows: Rows, column: number): Float64Array {
  const counts = new Float64Array(rows.count);
  for (let index = data.ends[column]!; index < data.ends[column + 1]!; index += 1) {
    counts[rows.of(data.codes[index]!)]! += data.counts[index]!;
  }
  return counts;
}

/** Where, in rows, the given share of the counts lies below. */
export function quantileRow(counts: Float64Array, share: number): number {
  let total = 0;
  for (const count of counts) total += count;
  if (!total) return NaN;
  let below = 0;
  for (let row = 0; row < counts.length; row += 1) {
    const count = counts[row]!;
    if (count > 0 && below + count >= share * total) return row + (share * total - below) / count;
    below += count;
  }
  return counts.length;
}
