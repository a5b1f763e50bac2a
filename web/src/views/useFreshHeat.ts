import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Listener } from "../api/live";

const FRESH_MS = 2_000;

/** New histograms are looked for at a calm pace. */
export function useFreshHeat(run: string, subscribe: (listener: Listener) => () => void): void {
  const queries = useQueryClient();
  useEffect(() => {
    let last = 0;
    return subscribe((event) => {
      if (event.run !== run || !event.news.some((news) => news.kind === "histograms")) return;
      const now = Date.now();
      if (now - last < FRESH_MS) return;
      last = now;
      void queries.invalidateQueries({ queryKey: ["heatmap", run] });
    });
  }, [queries, run, subscribe]);
}
