// The moment that somebody looks at: charts and output show the same one, whichever of them is pointed at. While nothing
// is, it is the one that was pinned.
import { useSyncExternalStore } from "react";
import type { Found } from "./timeline";

export interface Moment {
  ms: number;
  /** What the page's run had come to; null where no chart says. */
  step: number | null;
  from: "chart" | "output" | "pin";
}

/** A chart that can put the cursor of all charts somewhere. */
export interface Board {
  place: (ms: number) => Found | null;
  /** Null: nowhere. */
  put: (x: number | null) => void;
}

let looked: Moment | null = null;
let pinned: number | null = null;
let now: Moment | null = null;
let last: number | null = null;
let waiting = 0;
const boards = new Set<Board>();
const listeners = new Set<() => void>();

/** A chart says what it is pointed at; null when the pointer leaves it. */
export function lookFromChart(found: Found | null): void {
  if (found) {
    looked = { ms: found.ms, step: found.step, from: "chart" };
    last = found.ms;
  } else if (looked?.from === "chart") looked = null; // else the pointer is in the output by now
  settle();
}

export function lookFromOutput(ms: number | null): void {
  if (ms !== null) looked = { ms, step: null, from: "output" };
  else if (looked?.from === "output") looked = null;
  settle();
}

export function pin(ms: number | null): void {
  pinned = ms;
  settle();
}

/** Where a chart was last pointed at. */
export function lastLooked(): number | null {
  return last;
}

/** A chart that is there until the function is called that this returns. */
export function seat(board: Board): () => void {
  boards.add(board);
  return () => boards.delete(board);
}

/** Another run's charts have come: what was looked at means nothing there. */
export function forget(): void {
  looked = last = null;
  settle();
}

/** After a chart was drawn anew: a cursor that nobody moves keeps its place in pixels, and not on the axis. */
export function drawnAnew(): void {
  if (now === null || now.from === "chart" || waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    settle();
  }, 0);
}

function settle(): void {
  const shown = looked ?? (pinned === null ? null : { ms: pinned, step: null, from: "pin" as const });
  const next = shown && shown.from !== "chart" ? { ...shown, step: placed(shown.ms) } : shown;
  if (!shown && now && now.from !== "chart") move(null);
  if (next?.ms === now?.ms && next?.step === now?.step && next?.from === now?.from) return;
  now = next;
  for (const listener of listeners) listener();
}

/** Moves the cursor of all charts to the point that was logged nearest to this moment; its step. */
function placed(ms: number): number | null {
  let best: { board: Board; found: Found } | null = null;
  for (const board of boards) {
    const found = board.place(ms);
    if (found && (!best || Math.abs(found.ms - ms) < Math.abs(best.found.ms - ms))) best = { board, found };
  }
  best?.board.put(best.found.x);
  return best?.found.step ?? null;
}

function move(x: number | null): void {
  const [board] = boards;
  board?.put(x);
}

export function useMoment(): Moment | null {
  return useSyncExternalStore(subscribe, () => now);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
