// Ranks by steps (query/ranks.py): the mean of each rank in each bucket.
import { decode, type Column } from "../api/payload";

export interface RankMatrix {
  shift: number;
  points: number;
  ranks: Column;
  step: Column;
  /** Bucket by bucket, a value a rank; NaN where the rank has none. */
  values: Column;
}

export function rankMatrix(buffer: ArrayBuffer): RankMatrix {
  const { body, arrays } = decode<{
    shift: number;
    points: number;
    ranks: number;
    step: number;
    values: number;
  }>(buffer);
  const column = (index: number): Column => arrays[index] ?? new Float64Array(0);
  return {
    shift: body.shift,
    points: body.points,
    ranks: column(body.ranks),
    step: column(body.step),
    values: column(body.values),
  };
}

/** From the 2nd to the 98th part in a hundred: one rank far off does not pale the others. */
export function spread(values: Column): { low: number; high: number } {
  const finite = Float64Array.from(values)
    .filter((value) => Number.isFinite(value))
    .sort();
  if (!finite.length) return { low: 0, high: 1 };
  const low = finite[Math.floor(0.02 * (finite.length - 1))]!;
  const high = finite[Math.ceil(0.98 * (finite.length - 1))]!;
  return { low, high: high > low ? high : low + 1 };
}
