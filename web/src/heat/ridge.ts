// Distributions one behind the other: which steps, and their outlines. Drawn by Ridge.tsx.
import type { Rows } from "./codes";
import { columnRows, type Heat } from "./columns";

export const RIDGES = 20;

/** At most twenty columns, evenly spaced, with the first and the last. */
export function ridgeColumns(columns: number): number[] {
  if (columns <= RIDGES) return Array.from({ length: columns }, (_, index) => index);
  return Array.from({ length: RIDGES }, (_, index) => Math.round((index * (columns - 1)) / (RIDGES - 1)));
}

/** The share (or the log of the count) in each row, over the greatest of all the ridges: 0 to 1. */
export function ridges(data: Heat, rows: Rows, columns: number[], byCount: boolean): Float64Array[] {
  const lines = columns.map((column) => {
    const counts = columnRows(data, rows, column);
    let total = 0;
    for (const count of counts) total += count;
    return counts.map((count) => (byCount ? Math.log1p(count) : total ? count / total : 0));
  });
  const most = Math.max(1e-300, ...lines.map((line) => Math.max(...line)));
  return lines.map((line) => line.map((value) => value / most));
}
