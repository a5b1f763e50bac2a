import type { RunRow } from "./types";

/** A field's decoded value; NaN and Infinity come as Python writes them. */
export function fieldValue(run: RunRow, key: string): unknown {
  const text = run.fields[key];
  return text === undefined ? undefined : fromJson(text);
}

export function fromJson(text: string): unknown {
  if (text === "NaN") return NaN;
  if (text === "Infinity") return Infinity;
  if (text === "-Infinity") return -Infinity;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // a list with a NaN in it: shown as it was written
  }
}

export function runName(run: RunRow): string {
  const name = fieldValue(run, "name");
  return typeof name === "string" && name ? name : run.id;
}

export function runTags(run: RunRow): string[] {
  const tags = fieldValue(run, "tags");
  return Array.isArray(tags) ? tags.map(String) : [];
}

/** Hues that people chose, by the id of the run. */
export function chosenColours(runs: readonly RunRow[]): Map<string, string> {
  const chosen = new Map<string, string>();
  for (const run of runs) {
    const name = fieldValue(run, "colour");
    if (typeof name === "string") chosen.set(run.id, name);
  }
  return chosen;
}
