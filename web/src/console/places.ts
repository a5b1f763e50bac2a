// Which line of the output belongs to a moment.
import type { Line } from "./screen";

/** The time of each line, none before that of a line above it: a progress bar is written long after the line below began. */
export function timesOf(lines: readonly Line[]): Float64Array {
  const times = new Float64Array(lines.length);
  let latest = 0;
  lines.forEach((line, index) => {
    latest = Math.max(latest, line.ms);
    times[index] = latest;
  });
  return times;
}

/** The line nearest in time, of several the first; -1 where there are none. */
export function lineAt(times: Float64Array, ms: number): number {
  if (!times.length) return -1;
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  if (low === times.length) return first(times, low - 1);
  if (low === 0 || times[low] === ms || times[low]! - ms < ms - times[low - 1]!) return low;
  return first(times, low - 1);
}

function first(times: Float64Array, index: number): number {
  while (index > 0 && times[index - 1] === times[index]) index -= 1;
  return index;
}
