// Eight hues a theme, told apart with the common colour blindnesses (test/palette.test.ts), ordered for contrast.
import type { Theme } from "./theme";

export const HUES: Record<Theme, readonly string[]> = {
  light: ["#343ed4", "#c87f11", "#14a979", "#881379", "#9a5afe", "#6a6b01", "#7a2a07", "#087eb0"],
  dark: ["#5e7de8", "#ed972f", "#2ec489", "#fdaed0", "#a2a8fa", "#dfd752", "#c26b61", "#1797a2"],
};

/** Past eight runs the rest are grey context. */
export const CONTEXT: Record<Theme, string> = { light: "#9aa1ab", dark: "#6b7480" };

function hash(text: string): number {
  let value = 2166136261;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 16777619);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

/** The place of each run's hue: by its id, and where two visible runs meet, the later one takes the next free. */
export function assign(runs: readonly string[]): Map<string, number> {
  const size = HUES.light.length;
  const taken = new Set<number>();
  const places = new Map<string, number>();
  for (const run of runs) {
    if (taken.size === size) {
      places.set(run, -1);
      continue;
    }
    let place = hash(run) % size;
    while (taken.has(place)) place = (place + 1) % size;
    taken.add(place);
    places.set(run, place);
  }
  return places;
}

export function colour(theme: Theme, place: number | undefined): string {
  return place === undefined || place < 0 ? CONTEXT[theme] : (HUES[theme][place] ?? CONTEXT[theme]);
}
