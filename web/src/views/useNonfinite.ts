// What is not finite in the runs in view: asked for once they have been in view for a moment, all in one request.
import { useEffect, useRef, useState } from "react";
import { nonfinite, type Nonfinite } from "../api/nonfinite";
import type { RunsData } from "../api/table";

const SETTLED_MS = 200; // rows that a scroll passes by are not asked for
const AGAIN_MS = 10_000;
const OLD_MS = 120_000; // a late spool may bring points to a run that has ended
const ASKED_MAX = 500;

export interface Known {
  counts: Nonfinite | null;
  state: string;
  /** When it was asked for, ms. */
  at: number;
}

/** Those of the ids whose counts are not known, or may have changed. */
export function due(ids: string[], known: ReadonlyMap<string, Known>, data: RunsData, now: number): string[] {
  return ids
    .filter((id) => {
      const its = known.get(id);
      if (!its) return true;
      const state = data.state[data.row.get(id)!];
      const age = now - its.at;
      return state !== its.state || age >= (state === "running" ? AGAIN_MS : OLD_MS);
    })
    .slice(0, ASKED_MAX);
}

/** By id. What has not changed is the same object, so that no row is drawn anew for nothing. */
export function useNonfinite(
  project: string,
  data: RunsData,
  ids: string[],
): { get: (id: string) => Nonfinite | null } {
  const known = useRef({ project, runs: new Map<string, Known>() });
  const [counts, setCounts] = useState({ project, runs: new Map<string, Nonfinite | null>() });
  const now = useRef(data);
  useEffect(() => {
    now.current = data;
  }, [data]);
  const text = JSON.stringify(ids);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    if (known.current.project !== project) known.current = { project, runs: new Map() };
    const { runs } = known.current;
    const look = async () => {
      const wanted = document.hidden ? [] : due(JSON.parse(text) as string[], runs, now.current, Date.now());
      if (wanted.length) {
        try {
          const found = await nonfinite(project, wanted, abort.signal);
          for (const id of wanted) {
            const fresh = found[id] ?? null;
            const old = runs.get(id)?.counts ?? null;
            const state = now.current.state[now.current.row.get(id)!] ?? "unknown";
            const same = JSON.stringify(fresh) === JSON.stringify(old);
            runs.set(id, { counts: same ? old : fresh, state, at: Date.now() });
          }
          setCounts({ project, runs: new Map([...runs].map(([id, its]) => [id, its.counts])) });
        } catch (error) {
          if (abort.signal.aborted) return;
          console.info("what is not finite could not be counted", error); // the banner says that the service is away
        }
      }
      if (!abort.signal.aborted) timer = window.setTimeout(() => void look(), AGAIN_MS);
    };
    timer = window.setTimeout(() => void look(), SETTLED_MS);
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [project, text]);
  return { get: (id) => (counts.project === project ? counts.runs.get(id) : null) ?? null };
}
