import { describe, expect, it, vi } from "vitest";
import { rowsOf } from "../src/heat/codes";
import type { Heat } from "../src/heat/columns";
import { RIDGES, ridgeColumns, ridges } from "../src/heat/ridge";
import { nearestPlace, union } from "../src/parts/StepSlider";
import { textAt } from "../src/views/textAt";

vi.stubGlobal("window", { location: { hash: "" } });

function heat(columns: number[][]): Heat {
  const ends = [0];
  for (const counts of columns) ends.push(ends.at(-1)! + counts.length);
  const zeros = new Float64Array(columns.length);
  return {
    histograms: columns.length,
    given: 0,
    shift: 0,
    columns: columns.length,
    step: Float64Array.from(columns, (_, index) => index),
    lastStep: Float64Array.from(columns, (_, index) => index),
    merged: zeros,
    count: Float64Array.from(columns, (counts) => counts.reduce((sum, count) => sum + count, 0)),
    sum: zeros,
    low: zeros,
    high: zeros,
    nan: zeros,
    above: zeros,
    below: zeros,
    ends: Uint32Array.from(ends),
    codes: Uint16Array.from(columns.flatMap((counts) => counts.map((_, index) => 0x3f8 + index))),
    counts: Float64Array.from(columns.flat()),
  };
}

describe("ridges", () => {
  it("are every step up to twenty, then evenly spaced ones with the first and the last", () => {
    expect(ridgeColumns(3)).toEqual([0, 1, 2]);
    const many = ridgeColumns(500);
    expect([many.length, many[0], many.at(-1)]).toEqual([RIDGES, 0, 499]);
    expect(new Set(many).size).toBe(RIDGES);
  });
  it("are shares of their step: a step with more values is no higher", () => {
    const data = heat([
      [1, 1],
      [100, 100],
    ]);
    const rows = rowsOf(data.codes);
    const [small, large] = ridges(data, rows, [0, 1], false);
    expect([...small!]).toEqual([...large!]);
    const [few, more] = ridges(data, rows, [0, 1], true);
    expect(Math.max(...few!)).toBeLessThan(Math.max(...more!));
  });
  it("of nothing are flat", () => {
    const data = heat([[0, 0]]);
    expect(Math.max(...ridges(data, rowsOf(data.codes), [0], false)[0]!)).toBe(0);
  });
});

describe("the step of distributions and texts", () => {
  it("snaps to what exists", () => {
    const steps = union([
      [0, 200, 400],
      [100, 400],
    ]);
    expect(steps).toEqual([0, 100, 200, 400]);
    expect([nearestPlace(steps, 130), nearestPlace(steps, 1e9), nearestPlace(steps, -5)]).toEqual([1, 3, 0]);
  });
  const points = [100, 300].map((step) => ({ step, rank: 0, ms: 0, value: String(step) }));
  it.each([
    [null, "300"],
    [250, "100"],
    [300, "300"],
    [5, "100"],
  ])("%s shows the text that stood then", (step, value) => expect(textAt(points, step)?.value).toBe(value));
  it("of no texts shows none", () => expect(textAt([], 5)).toBeUndefined());
});
