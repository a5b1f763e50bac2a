// The questions that several views ask, with the names under which their answers are kept.
import type { Query } from "@tanstack/react-query";
import { getJson } from "./client";
import type { Metric, Opening, RunTable } from "./types";

export const EVERY_RUN = 100_000;

/** The runs of a project; looked at again sooner while something runs and the table is small. */
export function tableQuery(project: string, filter: string, limit: number) {
  return {
    queryKey: ["table", project, filter, limit],
    queryFn: ({ signal }: { signal: AbortSignal }) => {
      const query = new URLSearchParams({ project, limit: String(limit) });
      if (filter) query.set("filter", filter);
      return getJson<RunTable>(`table?${query.toString()}`, signal);
    },
  };
}

export function tableInterval(query: Query<RunTable>): number {
  const data = query.state.data;
  if (!data || data.total > 2000) return 60_000;
  return data.runs.some((run) => run.state === "running") ? 3_000 : 10_000;
}

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
