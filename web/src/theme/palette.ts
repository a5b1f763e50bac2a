// Eight hues a theme, told apart with the common colour blindnesses (test/palette.test.ts), ordered for contrast.
import type { Theme } from "./theme";

export const HUES: Record<Theme, readonly string[]> = {
  light: ["#343ed4", "#c87f11", "#14a979", "#881379", "#9a5afe", "#6a6b01", "#7a2a07", "#087eb0"],
  dark: ["#5e7de8", "#ed972f", "#2ec489", "#fdaed0", "#a2a8fa", "#dfd752", "#c26b61", "#1797a2"],
};

/** What the hues are called where one is chosen for a run (query/edits.py), in their order. */
export const NAMES = ["blue", "orange", "green", "plum", "violet", "olive", "brown", "teal"] as const;

/** Past eight runs the rest are grey context. */
export const CONTEXT: Record<Theme, string> = { light: "#9aa1ab", dark: "#6b7480" };

function hash(text: string): number {
  let value = 2166136261;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 16777619);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

/** A run's own hue, wherever it is shown alone: the one that was chosen for it, else the one of its id. */
export function ownPlace(id: string, chosen?: string | null): number {
  const place = NAMES.indexOf(chosen as (typeof NAMES)[number]);
  return place >= 0 ? place : hash(id) % NAMES.length;
}

/**
 * The place of each run's hue among those shown together. Chosen hues are kept; of the others each has its own, and
 * where two meet, the later one takes the next free. Past eight, -1: grey.
 */
export function assign(ids: readonly string[], chosen?: ReadonlyMap<string, string>): Map<string, number> {
  const size = NAMES.length;
  const taken = new Set<number>();
  const places = new Map<string, number>();
  for (const id of ids) {
    const name = chosen?.get(id);
    if (name === undefined) continue;
    const place = ownPlace(id, name);
    places.set(id, place);
    taken.add(place);
  }
  for (const id of ids) {
    if (places.has(id)) continue;
    if (taken.size >= size) {
      places.set(id, -1);
      continue;
    }
    let place = hash(id) % size;
    while (taken.has(place)) place = (place + 1) % size;
    taken.add(place);
    places.set(id, place);
  }
  return places;
}

/**
 * The hues of what is in one view, the same in a table, a legend and a chart: up to eight runs each have their own; past eight
 * only the selected have one (the first eight, in the order in which they were), and what is not in the answer is grey.
 * Where two would meet, the one that started first keeps its own: no run changes its hue when a later one joins.
 */
export function together(
  ids: readonly string[],
  selected: Iterable<string>,
  started: (id: string) => number,
  chosen?: ReadonlyMap<string, string>,
): Map<string, number> {
  let coloured = [...ids];
  if (ids.length > NAMES.length) {
    const there = new Set(ids);
    coloured = [...selected].filter((id) => there.has(id)).slice(0, NAMES.length);
  }
  return assign(
    coloured.sort((a, b) => started(a) - started(b)),
    chosen,
  );
}

export function colour(theme: Theme, place: number | undefined): string {
  return place === undefined || place < 0 ? CONTEXT[theme] : (HUES[theme][place] ?? CONTEXT[theme]);
}
