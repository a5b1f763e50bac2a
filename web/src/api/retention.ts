// Runs put in the trash and brought back, and holds (service/retention_api.py); what is drawn of runs is asked again after.
import { skipToken, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useShown } from "../charts/shown";
import { getJson, postJson } from "./client";

const TRASH_EVERY_MS = 30_000;
const NONE: string[] = [];

export interface Trashed {
  project: string;
  id: string;
  uuid: string;
  /** ISO 8601, as `until` of a hold. */
  time: string;
  by: string;
  reason: string;
}

export interface Hold {
  project: string;
  id: string;
  until: string;
  time: string;
  by: string;
  reason: string;
}

/** What is in the trash of a project, newest first. */
export function useTrash(project: string) {
  return useQuery({
    queryKey: ["trash", project],
    queryFn: async ({ signal }) => (await getJson<{ runs: Trashed[] }>(`trash?${of(project)}`, signal)).runs,
    refetchInterval: TRASH_EVERY_MS,
  });
}

/** The hold on a run, where there is one. */
export function useHold(project: string, id: string): Hold | undefined {
  const holds = useQuery({
    queryKey: ["holds", project],
    queryFn: async ({ signal }) => (await getJson<{ holds: Hold[] }>(`holds?${of(project)}`, signal)).holds,
    refetchInterval: TRASH_EVERY_MS,
    enabled: useShown(),
  });
  return holds.data?.find((hold) => hold.id === id);
}

/** The runs that this page moved to the trash last, for who wants them back at once. */
export function useMoved(project: string): string[] {
  return useQuery({ queryKey: ["moved", project], queryFn: skipToken, initialData: NONE }).data ?? NONE;
}

/** All of them or none: rejects with what the service said, that one is held for instance. */
export function useRetention(project: string) {
  const queries = useQueryClient();
  const runs = (ids: readonly string[]) => ids.map((id) => `${project}/${id}`);
  const moved = (ids: string[]) => queries.setQueryData(["moved", project], ids);
  return {
    trash: async (ids: string[]) => {
      await postJson("trash", { runs: runs(ids) });
      moved(ids);
      void again(queries, project); // whoever ticked these can go on ticking meanwhile
    },
    restore: async (ids: readonly string[]) => {
      await postJson("restore", { runs: runs(ids) });
      moved(NONE);
      await again(queries, project);
    },
    /** The note about the runs that were moved last has been read. */
    forget: () => moved(NONE),
  };
}

async function again(queries: QueryClient, project: string): Promise<void> {
  const names = ["table", "columns", "opening", "find", "trash"];
  await Promise.all([
    queries.invalidateQueries({ queryKey: ["projects"] }),
    ...names.map((name) => queries.invalidateQueries({ queryKey: [name, project] })),
  ]);
}

function of(project: string): string {
  return new URLSearchParams({ project }).toString();
}
