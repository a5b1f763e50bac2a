// The questions that several views ask, with the names under which their answers are kept.
import { getJson } from "./client";
import type { Found, Metric, Opening } from "./types";

/** The address of a run's beginning; main.tsx asks for it before anything else of the page is there. */
export function openingPath(project: string, ids: string[]): string {
  const query = new URLSearchParams({ project });
  for (const id of ids) query.append("run", id);
  return `opening?${query.toString()}`;
}

/** The run of the address and those laid over it. */
export function shownIds(id: string, others: string | null): string[] {
  return [...new Set([id, ...(others ? others.split(",") : [])])];
}

export function openingQuery(project: string, ids: string[]) {
  return {
    queryKey: ["opening", project, ...ids],
    queryFn: ({ signal }: { signal: AbortSignal }) => getJson<Opening>(openingPath(project, ids), signal),
  };
}

export function metricsQuery(project: string, id: string) {
  return {
    queryKey: ["metrics", project, id],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const query = new URLSearchParams({ project, id });
      return (await getJson<{ metrics: Metric[] }>(`metrics?${query.toString()}`, signal)).metrics;
    },
  };
}

/** Runs by words in their id, name, tags or user, newest first. */
export function findQuery(project: string, text: string, limit = 100) {
  return {
    queryKey: ["find", project, text, limit],
    queryFn: ({ signal }: { signal: AbortSignal }) => {
      const query = new URLSearchParams({ project, text, limit: String(limit) });
      return getJson<Found>(`find?${query.toString()}`, signal);
    },
  };
}
