// The series of the mounted charts: fetched together, kept while they are looked at, appended to as runs go on.
import { postBytes } from "../api/client";
import { answers, join, type Series } from "./series";

/** What is in view of one run, in steps or (byTime) in milliseconds. */
export interface View {
  low: number;
  high: number;
  byTime: boolean;
}

interface Entry {
  run: string;
  metric: string;
  wanted: number;
  series: Series | null;
  error: string | null;
  /** From which step on the held part is out of date; null: it is not. */
  stale: number | null;
  loading: boolean;
  /** When it last became another, of all changes of its store. */
  changed: number;
}

/** How series are asked for; a new way is a new store. */
export interface Asking {
  buckets: number;
  smoothing: number;
  view: (run: string) => View | null;
  /** The metric on the x axis. */
  x: string | null;
  /** The runs of a group by the group's name; null: this is a run. */
  members: (run: string) => string[] | null;
  median: boolean;
}

const ENTRIES_KEPT = 400; // charts scrolled away from are back at once; beyond, the oldest go
const TOGETHER = 60; // series in one request

export class SeriesStore {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private scheduled = false;
  private running = 0;
  private generation = 0;
  private changes = 0;

  constructor(
    private readonly asking: Asking,
    /** What was shown before a zoom or a new smoothing: drawn until the answer is here, so that nothing blinks. */
    private before: SeriesStore | null = null,
  ) {
    if (before) before.before = null;
  }

  get(run: string, metric: string): Series | null {
    return this.entries.get(key(run, metric))?.series ?? this.before?.get(run, metric) ?? null;
  }

  error(run: string, metric: string): string | null {
    return this.entries.get(key(run, metric))?.error ?? null;
  }

  /** Grows with each change of the series or its error. */
  version(run: string, metric: string): number {
    return this.entries.get(key(run, metric))?.changed ?? 0;
  }

  /** While subscribed, the series is fetched and kept up to date. */
  subscribe(run: string, metric: string, listener: () => void): () => void {
    const name = key(run, metric);
    let entry = this.entries.get(name);
    if (!entry) {
      entry = {
        run,
        metric,
        wanted: 0,
        series: null,
        error: null,
        stale: -Infinity,
        loading: false,
        changed: 0,
      };
    }
    this.entries.delete(name); // to the young end of the map
    this.entries.set(name, entry);
    entry.wanted += 1;
    const set = this.listeners.get(name) ?? new Set();
    set.add(listener);
    this.listeners.set(name, set);
    if (entry.stale !== null) this.schedule();
    return () => {
      entry.wanted -= 1;
      set.delete(listener);
      this.prune();
    };
  }

  /** Something was written to the run at this step or after. */
  touch(run: string, fromStep: number): void {
    for (const entry of this.entries.values()) {
      const touched = entry.run === run || this.asking.members(entry.run)?.includes(run);
      if (touched) entry.stale = entry.stale === null ? fromStep : Math.min(entry.stale, fromStep);
    }
    this.schedule();
  }

  /** Asks for what is wanted without waiting for more to be. */
  now(): void {
    void this.fetchWanted();
  }

  retry(): void {
    for (const entry of this.entries.values()) if (entry.error) entry.stale = -Infinity;
    this.schedule();
  }

  /** Answers that are still on their way are thrown away; what is held stays, for the next store to show. */
  close(): void {
    this.generation += 1;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // After the charts of this frame have all said what they want.
    window.setTimeout(() => {
      this.scheduled = false;
      void this.fetchWanted();
    }, 0);
  }

  private async fetchWanted(): Promise<void> {
    const due = [...this.entries.values()].filter(
      (entry) => entry.wanted > 0 && entry.stale !== null && !entry.loading,
    );
    if (!due.length || this.running >= 2) return;
    const batch = due.slice(0, TOGETHER);
    const generation = this.generation;
    const asked = batch.map((entry) => this.ask(entry));
    for (const entry of batch) {
      entry.loading = true;
      entry.stale = null;
    }
    this.running += 1;
    try {
      const buffer = await postBytes("series", {
        series: asked,
        buckets: this.asking.buckets,
        smoothing: this.asking.smoothing,
        median: this.asking.median,
      });
      if (generation !== this.generation) {
        for (const entry of batch) entry.stale = -Infinity; // for whoever opens this store again
        return;
      }
      answers(buffer).forEach((answer, index) => {
        const entry = batch[index]!;
        entry.series = entry.series ? join(entry.series, answer) : answer.series;
        entry.error = null;
      });
    } catch (error) {
      for (const entry of batch) entry.error = error instanceof Error ? error.message : String(error);
    } finally {
      this.running -= 1;
      for (const entry of batch) entry.loading = false;
    }
    this.changes += 1;
    for (const entry of batch) entry.changed = this.changes;
    for (const entry of batch)
      for (const listener of this.listeners.get(key(entry.run, entry.metric)) ?? []) listener();
    if ([...this.entries.values()].some((entry) => entry.wanted > 0 && entry.stale !== null)) this.schedule();
  }

  private ask(entry: Entry): Record<string, unknown> {
    const asked: Record<string, unknown> = { run: entry.run, metric: entry.metric };
    const { view, x, members } = this.asking;
    const part = view(entry.run);
    if (part) Object.assign(asked, { low: part.low, high: part.high, by_time: part.byTime });
    const runs = members(entry.run);
    if (runs) asked.members = runs;
    if (x !== null) asked.x = x;
    const since = entry.stale;
    // The average of a smoothed curve reaches back, but only over what was there before: a new tail is enough. A point
    // may come in anywhere on another metric's axis, and into any step of a group: these are asked for in full.
    if (entry.series?.step.length && since !== null && Number.isFinite(since) && x === null && !runs) {
      Object.assign(asked, { since, shift: entry.series.shift });
    }
    return asked;
  }

  private prune(): void {
    if (this.entries.size <= ENTRIES_KEPT) return;
    for (const [name, entry] of this.entries) {
      if (this.entries.size <= ENTRIES_KEPT) break;
      if (entry.wanted === 0) {
        this.entries.delete(name);
        this.listeners.delete(name);
      }
    }
  }
}

function key(run: string, metric: string): string {
  return `${run} ${metric}`;
}
