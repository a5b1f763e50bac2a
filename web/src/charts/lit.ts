// The run under the pointer, wherever it is: it stands out in every chart.
import { useSyncExternalStore } from "react";

let run: string | null = null;
const listeners = new Set<() => void>();

export function lit(): string | null {
  return run;
}

export function light(next: string | null): void {
  if (next === run) return;
  run = next;
  for (const listener of listeners) listener();
}

export function onLit(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLit(): string | null {
  return useSyncExternalStore(onLit, lit);
}
