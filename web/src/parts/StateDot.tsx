import type { State } from "../api/types";

const SAID: Record<State, string> = {
  running: "running",
  finished: "finished",
  failed: "failed: the process ended with an error",
  crashed: "crashed: the process ended without saying so",
  unknown: "no start was seen of this run",
};

/** A shape and a colour for each state, so that colour alone never says it. */
export function StateDot({ state, word = false }: { state: State; word?: boolean }) {
  return (
    <span className={`state ${state}`} title={SAID[state]}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {state === "running" && <circle cx="6" cy="6" r="4" />}
        {state === "finished" && <path d="M2.5 6.5 5 9l4.5-6" className="stroke" />}
        {state === "failed" && <path d="M3 3l6 6M9 3l-6 6" className="stroke" />}
        {state === "crashed" && <path d="M7 1 3 7h3l-1 4 4-6H6z" />}
        {state === "unknown" && <circle cx="6" cy="6" r="3" className="stroke" />}
      </svg>
      {word ? state : <span className="sr-only">{state}</span>}
    </span>
  );
}
