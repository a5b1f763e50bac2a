import { describe, expect, it } from "vitest";
import { assign, HUES, together } from "../src/theme/palette";

type Rgb = [number, number, number];

const SIGHT: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  // Machado, Oliveira and Fernandes 2009, severity 1, over linear RGB.
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function linear(hex: string): Rgb {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function seen(rgb: Rgb, matrix: number[][]): Rgb {
  return matrix.map((row) => Math.max(0, row[0]! * rgb[0] + row[1]! * rgb[1] + row[2]! * rgb[2])) as Rgb;
}

function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function apart(hues: readonly string[], matrix: number[][]): number {
  const places = hues.map((hue) => oklab(seen(linear(hue), matrix)));
  let least = Infinity;
  for (let a = 0; a < places.length; a += 1) {
    for (let b = a + 1; b < places.length; b += 1) {
      least = Math.min(least, Math.hypot(...places[a]!.map((value, at) => value - places[b]![at]!)));
    }
  }
  return least;
}

describe("the hues", () => {
  it.each([
    ["light", "normal", 0.1],
    ["dark", "normal", 0.1],
    ["light", "protanopia", 0.06],
    ["dark", "protanopia", 0.06],
    ["light", "deuteranopia", 0.06],
    ["dark", "deuteranopia", 0.06],
  ] as const)("of the %s theme are told apart with %s sight", (theme, sight, least) =>
    expect(apart(HUES[theme], SIGHT[sight]!)).toBeGreaterThan(least),
  );
  it("never meet in up to eight runs, and further runs are context", () => {
    const places = assign(Array.from({ length: 10 }, (_, index) => `run-${index}`));
    const taken = [...places.values()].filter((place) => place >= 0);
    expect(new Set(taken).size).toBe(8);
    expect([...places.values()].filter((place) => place < 0)).toHaveLength(2);
  });
});

describe("the hues of a view", () => {
  const ids = Array.from({ length: 12 }, (_, index) => `run-${index}`);
  const of = (shown: string[], selected: string[], chosen?: Map<string, string>) =>
    together(shown, selected, (id) => ids.indexOf(id), chosen);

  it("are each run's own up to eight, whatever is selected", () => {
    expect(new Set(of(ids.slice(0, 8), ["run-3"]).values()).size).toBe(8);
  });
  it("are those of the selected past eight: the others are grey", () => {
    expect([...of(ids, ["run-9", "run-2", "not here"]).keys()].sort()).toEqual(["run-2", "run-9"]);
    expect(of(ids, []).size).toBe(0);
  });
  it("are of the first eight that were selected", () => {
    const places = of(ids, [...ids].reverse());
    expect([...places.keys()]).toEqual(ids.slice(4));
    expect(new Set(places.values()).size).toBe(8);
  });
  it("are the ones that were chosen for a run, and no other run's", () => {
    const places = of(ids, ids.slice(0, 8), new Map([["run-5", "teal"]]));
    expect(places.get("run-5")).toBe(7);
    expect(new Set(places.values()).size).toBe(8);
  });
  it("stay when a later run joins, in whatever order they are shown", () => {
    const before = of(ids.slice(0, 5), []);
    const after = of(ids.slice(0, 6).reverse(), []);
    for (const [id, place] of before) expect(after.get(id)).toBe(place);
  });
});
