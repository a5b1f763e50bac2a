// What the hovered card shows at the cursor: the legend sorts by it. One card at a time, so a hover costs one table.
import { useSyncExternalStore } from "react";

export interface AtCursor {
  metric: string;
  /** By run: what is drawn there, NaN included. */
  values: Map<string, number>;
}

let now: AtCursor | null = null;
const listeners = new Set<() => void>();

export function point(next: AtCursor | null): void {
  if (next === now) return;
  now = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useAtCursor(): AtCursor | null {
  return useSyncExternalStore(subscribe, () => now);
}
