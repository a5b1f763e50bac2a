import { useQuery } from "@tanstack/react-query";
import { getJson } from "../api/client";
import type { RunTable } from "../api/types";

/** The runs of a project; looked at again sooner while something runs and the table is small. */
export function useTable(project: string, filter: string, limit = 10_000) {
  return useQuery({
    queryKey: ["table", project, filter, limit],
    queryFn: ({ signal }) => {
      const query = new URLSearchParams({ project, limit: String(limit) });
      if (filter) query.set("filter", filter);
      return getJson<RunTable>(`table?${query.toString()}`, signal);
    },
    refetchInterval: (query) => {
      const data = query.state.data;
      if (!data || data.total > 2000) return 60_000;
      return data.runs.some((run) => run.state === "running") ? 3_000 : 10_000;
    },
    placeholderData: (old) => old,
  });
}
