import { useCallback } from "react";
import { setParams, useParam } from "../address/location";

/** The step that distributions and texts show; it stays when one goes from one tab to the other. */
export function useStep(): [number | null, (step: number | null) => void] {
  const [text] = useParam("step", "");
  const onStep = useCallback(
    (step: number | null) => setParams({ step: step === null ? null : String(step) }, true),
    [],
  );
  const step = Number(text);
  return [text === "" || !Number.isFinite(step) ? null : step, onStep];
}
