import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { tableInterval, tableQuery } from "../api/queries";
import type { RunTable } from "../api/types";

export function useTable(project: string, filter: string, limit = 10_000) {
  return useQuery<RunTable, Error, RunTable, (string | number)[]>({
    ...tableQuery(project, filter, limit),
    refetchInterval: tableInterval as never,
    placeholderData: keepPreviousData,
  });
}
