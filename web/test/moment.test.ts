import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Curve } from "../src/charts/curve";
import { forget, lastLooked, lookFromChart, lookFromOutput, pin, seat } from "../src/charts/moment";
import { momentAt, placeOf, type Own } from "../src/charts/timeline";
import { lineAt, timesOf } from "../src/console/places";
import type { Line } from "../src/console/screen";

const own: Own = { uuid: "a", started: 1_000, attempts: [[1_000, 3_000], [13_000, null]] }; // prettier-ignore

function curve(run: string, step: number[], time: number[], x = step): Curve {
  const series = { step: Float64Array.from(step), time: Float64Array.from(time) };
  return { run, series, x: Float64Array.from(x) } as unknown as Curve;
}

describe("between the x axis and the clock", () => {
  const curves = [curve("other", [0], [99_000]), curve("a", [0, 10, 20], [1_000, 2_000, 14_000])];

  it("steps go by the points of the page's run", () => {
    expect(momentAt(curves, "step", own, 11)).toEqual({ ms: 2_000, x: 11, step: 10 });
    expect(placeOf(curves, "step", own, 9_000)).toEqual({ ms: 14_000, x: 20, step: 20 });
    expect(momentAt(curves.slice(0, 1), "step", own, 0)).toBeNull();
    expect(placeOf([], "step", own, 0)).toBeNull();
  });
  it.each([
    ["wall", 2.5, 2_500],
    ["relative", 1.5, 2_500],
    ["process", 3, 14_000],
  ] as const)("times on the axis %s go by it, whatever was logged", (axis, x, ms) => {
    expect(momentAt([], axis, own, x)).toEqual({ ms, x, step: null });
    expect(placeOf([], axis, own, ms)).toEqual({ ms, x, step: null });
  });
});

describe("the moment that is looked at", () => {
  const put = vi.fn();
  beforeEach(() => {
    pin(null);
    forget();
    put.mockClear();
  });
  const board = (times: number[]) =>
    seat({ place: (ms) => placeOf([curve("a", times, times)], "step", own, ms), put });

  it("is put on the chart that has a point nearest to it", () => {
    const ends = [board([1_000, 2_000]), board([1_500])];
    lookFromOutput(1_600);
    expect(put.mock.calls).toEqual([[1_500]]);
    lookFromOutput(null);
    expect(put.mock.lastCall).toEqual([null]);
    ends.forEach((end) => end());
  });
  it("falls back to what is pinned when nothing is pointed at", () => {
    const end = board([1_000, 2_000]);
    pin(1_100);
    lookFromChart({ ms: 2_000, x: 2_000, step: 2_000 });
    expect(put.mock.lastCall).toEqual([1_000]);
    put.mockClear();
    lookFromChart(null);
    expect(put.mock.calls).toEqual([[1_000]]);
    expect(lastLooked()).toBe(2_000);
    end();
  });
});

describe("lines of the output", () => {
  const line = (ms: number): Line => ({ spans: [], text: "", ms, rank: 0, stream: 1 });

  it("belong to no moment before that of a line above them", () => {
    expect([...timesOf([line(5), line(3), line(7)])]).toEqual([5, 5, 7]);
  });
  it.each([
    [0, 0],
    [5, 0],
    [6, 0],
    [6.5, 2],
    [8, 2],
    [100, 4],
  ])("at %d the nearest, of several the first", (ms, index) => {
    expect(lineAt(Float64Array.from([5, 5, 7, 9, 20, 20]), ms)).toBe(index);
  });
  it("are none where nothing was printed", () => {
    expect(lineAt(new Float64Array(0), 5)).toBe(-1);
  });
});
