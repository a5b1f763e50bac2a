// Points that are NaN or infinite, of the runs in view (query/nonfinite.py).
import { count } from "../format/number";
import { postJson } from "./client";

export interface Nonfinite {
  nan: number;
  /** +Inf and -Inf. */
  above: number;
  below: number;
  /** How many metrics have some; those with most are named. */
  of: number;
  metrics: [name: string, nan: number, above: number, below: number][];
}

export async function nonfinite(
  project: string,
  ids: string[],
  signal: AbortSignal,
): Promise<Record<string, Nonfinite>> {
  const body = { project, ids };
  return (await postJson<{ runs: Record<string, Nonfinite> }>("table/nonfinite", body, signal)).runs;
}

/** "3 NaN, 1 +Inf" */
export function listed(nan: number, above: number, below: number): string {
  return [nan && `${count(nan)} NaN`, above && `${count(above)} +Inf`, below && `${count(below)} −Inf`]
    .filter(Boolean)
    .join(", ");
}

/** As short as it goes: "3 NaN", and where there are several kinds as a chart's card has it, "4 non-finite". */
export function marked({ nan, above, below }: Nonfinite): string {
  const all = nan + above + below;
  return [nan, above, below].includes(all) ? listed(nan, above, below) : `${count(all)} non-finite`;
}
