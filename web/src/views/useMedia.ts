// What a run logged as images or tables: whole now and then, and in between only what is new or has come to be complete.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson } from "../api/client";
import type { Artifact, RunRow } from "../api/types";

const EVERY_MS = 10_000;
const WHOLE_EVERY_MS = 120_000;
const SLACK_MS = 30_000; // writers' clocks, and what is on its way

export interface Held {
  media: Artifact[];
  /** The service's time of the last look, ms. */
  now: number;
  /** The browser's time of the last whole one. */
  whole: number;
}

/** From when on to ask; null: for everything. */
export function sinceOf(held: Held | undefined, clock: number): number | null {
  if (!held || clock - held.whole >= WHOLE_EVERY_MS) return null;
  return Math.max(0, held.now - SLACK_MS);
}

/** What is held with what is new in it, by name, step and rank; the same list where nothing is. */
export function joined(held: Artifact[], fresh: Artifact[]): Artifact[] {
  const known = new Map(held.map((one, place) => [key(one), place]));
  const changed = fresh.filter((one) => {
    const place = known.get(key(one));
    return place === undefined || JSON.stringify(held[place]) !== JSON.stringify(one);
  });
  if (!changed.length) return held;
  const all = [...held];
  for (const one of changed) {
    const place = known.get(key(one));
    if (place === undefined) all.push(one);
    else all[place] = one;
  }
  return all.sort((a, b) => order(a.name, b.name) || a.step - b.step || a.rank - b.rank);
}

export function useMedia(project: string, run: RunRow, kind: string) {
  const queries = useQueryClient();
  const path = `runs/${encodeURIComponent(project)}/${encodeURIComponent(run.id)}/media?kind=${kind}`;
  const queryKey = ["media", run.uuid, kind];
  return useQuery({
    queryKey,
    queryFn: async ({ signal }): Promise<Held> => {
      const held = queries.getQueryData<Held>(queryKey);
      const clock = Date.now();
      const since = sinceOf(held, clock);
      const { media, now } = await getJson<{ media: Artifact[]; now: number }>(
        since === null ? path : `${path}&since=${since}`,
        signal,
      );
      if (!held) return { media, now, whole: clock };
      if (since === null) return { media: same(held.media, media), now, whole: clock };
      return { media: joined(held.media, media), now, whole: held.whole };
    },
    structuralSharing: false,
    refetchInterval: EVERY_MS,
  });
}

/** A whole answer that says what was known is no reason to draw anything. */
function same(held: Artifact[], fresh: Artifact[]): Artifact[] {
  return JSON.stringify(held) === JSON.stringify(fresh) ? held : fresh;
}

function key({ name, step, rank }: Artifact): string {
  return `${step} ${rank} ${name}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
