import { useCallback, useEffect, useRef, useState } from "react";
import { postJson } from "../api/client";
import type { ConsolePage } from "../api/types";
import { Screen, type Line } from "../console/screen";
import type { Listener } from "../api/live";

const FIRST = 5_000;
const EVERYTHING = 200_000;

interface Output {
  lines: Line[];
  skipped: number;
  error: unknown;
  loaded: boolean;
}

/** A run's output as lines: its end first, what is printed later as it comes. */
export function useConsole(run: string, subscribe: (listener: Listener) => () => void) {
  const [output, setOutput] = useState<Output>({ lines: [], skipped: 0, error: null, loaded: false });
  const [limit, setLimit] = useState(FIRST);
  const [tries, setTries] = useState(0);
  const busy = useRef(false);
  useEffect(() => {
    const screens = new Map<string, Screen>();
    let cursor: Record<string, number> = {};
    let skipped = 0;
    let again = false;
    let ended = false;
    busy.current = false;
    const more = async () => {
      if (busy.current) {
        again = true;
        return;
      }
      busy.current = true;
      try {
        do {
          again = false;
          const page = await postJson<ConsolePage>(`console?run=${run}&limit=${limit}`, { cursor });
          if (ended) return;
          if (!Object.keys(cursor).length) skipped = page.skipped;
          cursor = page.cursor;
          for (const [rank, stream, ms, text] of page.chunks) {
            const name = `${rank}:${stream}`;
            let screen = screens.get(name);
            if (!screen) screens.set(name, (screen = new Screen(rank, stream)));
            screen.feed(text, ms);
          }
          if (page.chunks.length || !Object.keys(cursor).length) {
            setOutput({ lines: merged([...screens.values()]), skipped, error: null, loaded: true });
          }
        } while (again);
      } catch (error) {
        if (!ended) setOutput((old) => ({ ...old, error }));
      } finally {
        if (!ended) busy.current = false;
      }
    };
    void more();
    const end = subscribe((event) => {
      if (event.run === run && (event.fresh || event.news.some((news) => news.kind === "console")))
        void more();
    });
    return () => {
      ended = true;
      end();
    };
  }, [run, subscribe, limit, tries]);
  const loadAll = useCallback(() => setLimit(EVERYTHING), []);
  const retry = useCallback(() => setTries((old) => old + 1), []);
  return { ...output, loadAll, retry };
}

/** By time; a line never passes one that stands above it on its own screen. */
function merged(screens: Screen[]): Line[] {
  const placed = screens.flatMap((screen) => {
    let latest = 0;
    return screen.lines().map((line, index) => {
      latest = Math.max(latest, line.ms);
      return { line, latest, index };
    });
  });
  return placed
    .sort((a, b) => a.latest - b.latest || a.line.stream - b.line.stream || a.index - b.index)
    .map(({ line }) => line);
}
