// The moment at which what a page was opened for is on the screen: what can wait until then does.
import { useSyncExternalStore } from "react";

const LONGEST_MS = 2_000; // of a page whose charts are slow to come, or that has none after all

let reached = false;
const waiting = new Set<() => void>();

/** Called by whatever is first: the charts that were drawn, a view without charts, time. */
export function shown(): void {
  if (reached) return;
  reached = true;
  for (const job of [...waiting]) job();
  waiting.clear();
}

/** Runs the job then, or at once where that was before. Returns what calls it off. */
export function onceShown(job: () => void): () => void {
  if (reached) {
    job();
    return () => undefined;
  }
  if (!waiting.size) window.setTimeout(shown, Math.max(0, LONGEST_MS - performance.now()));
  waiting.add(job);
  return () => void waiting.delete(job);
}

export function useShown(): boolean {
  return useSyncExternalStore(onceShown, () => reached);
}
