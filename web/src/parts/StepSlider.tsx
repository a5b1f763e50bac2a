import { useEffect } from "react";
import { number } from "../format/number";

interface Props {
  /** The steps there are, ascending. */
  steps: number[];
  /** Null: the last. */
  step: number | null;
  onStep: (step: number | null) => void;
}

/** One step for all distributions and texts: it snaps to what exists; `,` and `.` go back and on from anywhere. */
export function StepSlider({ steps, step, onStep }: Props) {
  const last = steps.length - 1;
  const at = step === null ? last : nearestPlace(steps, step);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const by = event.key === "," ? -1 : event.key === "." ? 1 : 0;
      const typing = event.target instanceof HTMLInputElement && event.target.type !== "range";
      if (!by || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const next = Math.min(last, Math.max(0, at + by));
      if (steps[next] !== undefined) onStep(next === last ? null : steps[next]);
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, [steps, at, last, onStep]);
  return (
    <label className="smoothing step-slider" title=", and . go a step back and on">
      <span>Step</span>
      <input
        type="range"
        min={0}
        max={Math.max(0, last)}
        value={Math.max(0, at)}
        disabled={last < 1}
        aria-valuetext={`step ${steps[at] ?? ""}`}
        onChange={(event) => {
          const next = Number(event.target.value);
          onStep(next === last ? null : (steps[next] ?? null));
        }}
      />
      <output>{step === null ? "last" : number(steps[at])}</output>
    </label>
  );
}

export function nearestPlace(steps: number[], step: number): number {
  let best = steps.length - 1;
  for (let index = 0; index < steps.length; index += 1) {
    if (Math.abs(steps[index]! - step) < Math.abs(steps[best]! - step)) best = index;
  }
  return best;
}

/** The steps of all that was loaded, once each. */
export function union(lists: Iterable<number[]>): number[] {
  return [...new Set([...lists].flat())].sort((a, b) => a - b);
}
