// Server-sent events of the runs in view.
import { useEffect, useRef, useState } from "react";
import { onceShown } from "../charts/shown";
import { failed, worked } from "./health";
import type { State } from "./types";

export interface News {
  kind: "scalars" | "histograms" | "texts" | "console";
  points: number;
  from_step: number;
  to_step: number;
}

/** fresh: from here on nothing is missed, so what was fetched before should be looked at once more. */
export interface LiveEvent {
  run: string;
  state: State;
  news: News[];
  fresh?: boolean;
  fault?: string;
}

const SILENCE_MS = 30_000; // three beats

/** What a view gives to hear of what is new. */
export type Listener = (event: LiveEvent) => void;

/** Calls `on` for each event; returns the latest state of each run. */
export function useLive(runs: string[], on: Listener): Record<string, State> {
  const [states, setStates] = useState<Record<string, State>>({});
  const handler = useRef(on);
  useEffect(() => {
    handler.current = on;
  });
  const key = runs.join(",");
  useEffect(() => {
    if (!key) return;
    const address = `api/v1/live?${key
      .split(",")
      .map((run) => `run=${run}`)
      .join("&")}`;
    let source: EventSource | undefined;
    let silence = 0;
    const heard = () => {
      worked();
      window.clearTimeout(silence);
      silence = window.setTimeout(open, SILENCE_MS);
    };
    const open = () => {
      window.clearTimeout(silence);
      source?.close();
      const opened = new EventSource(address);
      source = opened;
      opened.onopen = heard;
      opened.addEventListener("beat", heard);
      opened.onmessage = (message) => {
        heard();
        const event = JSON.parse(message.data as string) as LiveEvent;
        if (event.fault) {
          failed();
          return;
        }
        setStates((old) => (old[event.run] === event.state ? old : { ...old, [event.run]: event.state }));
        handler.current(event);
      };
      opened.onerror = () => {
        failed();
        // A refused stream is closed for good by the browser: tried again at the pace of a person.
        if (opened.readyState === EventSource.CLOSED) {
          window.clearTimeout(silence);
          silence = window.setTimeout(open, 3000);
        }
      };
    };
    const leave = onceShown(open); // its first events say what came meanwhile
    return () => {
      leave();
      window.clearTimeout(silence);
      source?.close();
    };
  }, [key]);
  return states;
}
