// The questions that several views ask, with the names under which their answers are kept.
import type { Query } from "@tanstack/react-query";
import { getJson } from "./client";
import type { Metric, RunTable } from "./types";

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

export function metricsQuery(project: string, id: string) {
  return {
    queryKey: ["metrics", project, id],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const query = new URLSearchParams({ project, id });
      return (await getJson<{ metrics: Metric[] }>(`metrics?${query.toString()}`, signal)).metrics;
    },
  };
}
