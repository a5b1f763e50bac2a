// The table's data: whole now and then, and every few seconds what has changed.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { getJson, postBytes } from "../api/client";
import { decodeTable, lost, merge, settled, type RunsData } from "../api/table";
import type { ColumnNames } from "./columns";

const WHOLE_EVERY_MS = 120_000;
const CHANGES_EVERY_MS = 3_000;
const QUIET_EVERY_MS = 10_000; // where nothing runs
const SLACK_MS = 30_000; // writers' clocks, and what is on its way

export function useTable(project: string, filter: string, limit: number, columns: string[]) {
  const queries = useQueryClient();
  const key = ["table", project, filter, limit, columns];
  const asked = { project, filter: filter || null, limit, columns };
  const table = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => decodeTable(await postBytes("table", asked, signal)),
    placeholderData: keepPreviousData,
    refetchInterval: WHOLE_EVERY_MS,
    structuralSharing: false,
    staleTime: CHANGES_EVERY_MS,
  });
  const keyText = JSON.stringify(key);
  const ready = table.data !== undefined && !table.isPlaceholderData;
  useEffect(() => {
    if (!ready) return;
    const abort = new AbortController();
    let timer = 0;
    const again = () => {
      const data = queries.getQueryData<RunsData>(JSON.parse(keyText) as string[]);
      const running = data?.state.includes("running") ?? false;
      timer = window.setTimeout(() => void look(), running ? CHANGES_EVERY_MS : QUIET_EVERY_MS);
    };
    const look = async () => {
      const queryKey = JSON.parse(keyText) as [string, string, string, number, string[]];
      const data = queries.getQueryData<RunsData>(queryKey);
      if (data && !document.hidden) {
        const [, ofProject, ofFilter, ofLimit, ofColumns] = queryKey;
        const since = Math.max(0, data.now - SLACK_MS);
        const body = {
          project: ofProject,
          filter: ofFilter || null,
          limit: ofLimit,
          columns: ofColumns,
          since,
        };
        try {
          const changed = decodeTable(await postBytes("table", body, abort.signal));
          if (lost(data, changed)) await queries.invalidateQueries({ queryKey });
          else queries.setQueryData<RunsData>(queryKey, (old) => old && settled(old, merge(old, changed)));
        } catch (error) {
          if (abort.signal.aborted) return;
          console.info("the runs could not be looked at again", error); // the banner says that the service is away
        }
      }
      if (!abort.signal.aborted) again();
    };
    again();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [ready, keyText, queries]);
  return table;
}

export function useColumnNames(project: string) {
  return useQuery({
    queryKey: ["columns", project],
    queryFn: ({ signal }) =>
      getJson<ColumnNames>(`table/columns?${new URLSearchParams({ project }).toString()}`, signal),
    staleTime: 30_000,
    refetchInterval: 60_000,
  });
}
