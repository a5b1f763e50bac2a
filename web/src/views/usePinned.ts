import { useCallback } from "react";
import { setParams, useParam } from "../address/location";

/** The moment (ms) that charts and output are kept at; in the address, so that a line of the output can be shared. */
export function usePinned(): [number | null, (ms: number | null) => void] {
  const [text] = useParam("t", "");
  const set = useCallback(
    (ms: number | null) => setParams({ t: ms === null ? null : String(Math.round(ms)) }),
    [],
  );
  return [/^\d{1,15}$/.test(text) ? Number(text) : null, set];
}
