import { describe, expect, it, vi } from "vitest";
import { momentOf, processSeconds, resumesOf, viewOf, xOf, type Attempts } from "../src/charts/axis";
import {
  columnsFor,
  listText,
  sections,
  settingsText,
  siblings,
  textList,
  textSettings,
  type Section,
} from "../src/charts/cards";
import { choose, grouped, groupKeys, UNSET } from "../src/charts/choose";
import { nonPositive, withGutter, yFit, type Curve } from "../src/charts/curve";
import { span, type Plane } from "../src/charts/band";
import { density } from "../src/charts/density";
import type { ShownRun } from "../src/charts/LineChart";
import { inOrder, type Series } from "../src/charts/series";
import { gutterTick, logTicks } from "../src/charts/ticks";
import { spread } from "../src/heat/ranks";
import type { RunRow } from "../src/api/types";

vi.mock("../src/views/routes", () => ({ Plot: () => null }));

function series(line: number[], more: Partial<Series> = {}): Series {
  const made: Series = {
    run: "r",
    metric: "m",
    shift: -1,
    points: line.length,
    seen: line.length,
    unplaced: 0,
    ranks: 1,
    step: Float64Array.from(line, (_, index) => index),
    time: Float64Array.from(line, (_, index) => 1000 * index),
    line: Float64Array.from(line),
  };
  return { ...made, ...more };
}

function curve(line: number[], more: Partial<Series> = {}): Curve {
  const made = series(line, more);
  return {
    run: "r",
    dash: 0,
    name: "r",
    colour: "#000",
    lit: "#000",
    series: made,
    x: made.step,
    resumes: [],
    ordered: true,
    context: false,
  };
}

const HOUR = 3_600_000;
const ATTEMPTS: Attempts = [
  [0, 10_000],
  [HOUR, HOUR + 5_000],
  [2 * HOUR, null],
];
const LIFE = { started: 0, attempts: ATTEMPTS };

describe("process time", () => {
  it.each([
    [4_000, 4],
    [10_000, 10],
    [HOUR / 2, 10], // nobody was at work
    [HOUR + 1_000, 11],
    [2 * HOUR + 3_000, 18],
    [-2_000, -2], // a clock that was set
  ])("of %d ms is %d s", (ms, seconds) => expect(processSeconds(ms, LIFE)).toBe(seconds));

  it("leads back to the moment", () =>
    expect([4, 11, 18].map((seconds) => momentOf(seconds, LIFE))).toEqual([
      4_000,
      HOUR + 1_000,
      2 * HOUR + 3_000,
    ]));

  it("is the time since the start where no attempt is known", () =>
    expect(processSeconds(5_000, { started: 1_000 })).toBe(4));

  it("of a part in view asks for the moments it means", () =>
    expect(viewOf({ min: 9, max: 12 }, "process", LIFE)).toEqual({
      low: 9_000,
      high: HOUR + 2_000,
      byTime: true,
    }));
});

describe("an axis", () => {
  it("of relative steps begins at the run's first", () => {
    const one = series([1, 2], { step: Float64Array.of(100, 101) });
    expect([...xOf(one, "rstep", { started: 0, firstStep: 100 })]).toEqual([0, 1]);
    expect(viewOf({ min: 0.5, max: 3 }, "rstep", { started: 0, firstStep: 100 })).toEqual({
      low: 100,
      high: 103,
      byTime: false,
    });
  });
  it("of another metric takes the server's", () =>
    expect(xOf(series([1], { x: Float64Array.of(7) }), "m:tokens", { started: 0 })[0]).toBe(7));
  it("breaks where a later attempt begins, once for each", () => {
    const one = series([1, 2, 3, 4], { time: Float64Array.of(0, HOUR + 1, HOUR + 2, 2 * HOUR + 1) });
    expect(resumesOf(one, ATTEMPTS)).toEqual([1, 3]);
    expect(resumesOf(one, undefined)).toEqual([]);
  });
  it("that goes back and forth is drawn from left to right, and says so", () => {
    const one = series([1, 2, 3]);
    const sorted = inOrder(one, Float64Array.of(5, 1, 3));
    expect([[...sorted.x], [...sorted.series.line], sorted.ordered]).toEqual([[1, 3, 5], [2, 3, 1], false]);
    expect(inOrder(one, one.step).series).toBe(one);
  });
});

describe("a clipped axis", () => {
  const values = Array.from({ length: 100 }, (_, index) => 1 + (index % 10) / 10);
  it("fits the bulk and counts what lies beyond", () => {
    const fit = yFit([curve([...values, 1e6, -1e6])], { min: 0, max: 200 }, "linear", true)!;
    expect(fit.range.max).toBeLessThan(10);
    expect(fit.range.min).toBeGreaterThan(-10);
    expect(fit.beyond).toEqual({ above: 1, below: 1 });
  });
  it("is as any other where nothing lies far off", () => {
    const plain = yFit([curve(values)], { min: 0, max: 200 }, "linear", false);
    expect(yFit([curve(values)], { min: 0, max: 200 }, "linear", true)).toEqual(plain);
  });
  it("hides nothing of a few points", () =>
    expect(yFit([curve([1, 1, 500])], { min: 0, max: 3 }, "linear", true)!.beyond).toEqual({
      above: 0,
      below: 0,
    }));
});

describe("a log axis", () => {
  it("counts what it cannot show, also inside buckets", () => {
    expect(nonPositive([curve([-1, 0, NaN, -Infinity, 2])])).toBe(2);
    expect(nonPositive([curve([1, 2], { shift: 3, nonpos: Uint32Array.of(4, 3) })])).toBe(7);
  });
  it("keeps a share of its height as a gutter", () => {
    const { min } = withGutter({ min: 1, max: 100 }, 0.2);
    expect(Math.log(1 / min) / Math.log(100 / min)).toBeCloseTo(0.2);
    expect(gutterTick(min, 1)).toBeLessThan(1);
  });
  it.each([
    [0.015, 1.2, [0.02, 0.05, 0.1, 0.2, 0.5, 1]],
    [1, 1e6, [1, 10, 100, 1000, 1e4, 1e5, 1e6]],
    [2.1, 2.9, [2.2, 2.4, 2.6, 2.8]],
  ])("from %d to %d has round ticks", (min, max, ticks) =>
    expect(logTicks(min, max).map((tick) => Number(tick.toPrecision(9)))).toEqual(ticks),
  );
  it("of many decades leaves some out", () => expect(logTicks(1e-30, 1e30).length).toBeLessThanOrEqual(9));
});

describe("cards in the address", () => {
  const names = ["train/loss", "a,b", "50%:x"];
  it("come back as they were", () => expect(textList(listText(names))).toEqual(names));
  it("with their settings", () => {
    const settings = {
      "train/loss": { scale: "log" as const, clip: true },
      "a,b": { ranks: true, over: ["val/a+b", "c:d"] },
    };
    expect(settingsText(settings)).toBe("train/loss:log:clip,a%2Cb:ranks:over.val/a+b*c%3Ad");
    expect(textSettings(settingsText(settings))).toEqual(settings);
  });
  it("takes no notice of what it does not know", () =>
    expect(textSettings("loss:cubist:clip")).toEqual({ loss: { clip: true } }));
});

function shape(found: Section[]): unknown {
  return found.map((one) => [one.label, one.names.length, shape(one.sections)]);
}

describe("sections", () => {
  const many = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  it("are not needed for a dozen cards", () =>
    expect(shape(sections(["val/a", "loss", "train/b"]))).toEqual([["", 3, []]]));
  it("are a tree of prefixes; a chain of one branch is one", () =>
    expect(shape(sections([...many("model/layers/0/w", 8), ...many("train/x", 5)]))).toEqual([
      ["model/layers/0", 8, []],
      ["train", 5, []],
    ]));
  it("keep branches inside branches", () =>
    expect(shape(sections([...many("m/a/w", 6), ...many("m/b/w", 6), "m/lr"]))).toEqual([
      [
        "m",
        1,
        [
          ["a", 6, []],
          ["b", 6, []],
        ],
      ],
    ]));
  it("let small neighbours flow together", () =>
    expect(shape(sections([...many("train/x", 11), "a/one", "b/two", "loss"]))).toEqual([
      ["metrics · a · b", 3, []],
      ["train", 11, []],
    ]));
  it("have curves before histograms", () => {
    sections(["grad/w", "train/b", "loss"]);
    const found = sections(["grad/w", "train/b", "loss"], new Set(["grad/w"]));
    expect(found[0]!.names).toEqual(["loss", "train/b", "grad/w"]);
  });
  it("lose no card", () => {
    const names = [...many("a/b/c", 7), ...many("a/d", 2), ...many("e", 3), "f/g/h/i"];
    const all = (found: Section[]): string[] => found.flatMap((one) => [...one.names, ...all(one.sections)]);
    expect(all(sections(names)).sort()).toEqual([...names].sort());
  });
});

it("metrics of one name under other prefixes can be laid over each other", () =>
  expect(siblings("train/loss", ["train/loss", "val/loss", "loss", "val/loss_2"])).toEqual([
    "val/loss",
    "loss",
  ]));

describe("columns", () => {
  it.each([
    [1600, 1, 1],
    [1600, 3, 3],
    [1600, 5, 3], // three and two, not four and one
    [1600, 8, 4],
    [970, 5, 2],
    [350, 9, 1],
  ])("%d px hold %d cards in %d columns", (width, cards, columns) =>
    expect(columnsFor(width, cards)).toBe(columns),
  );
});

function runs(count: number): { shown: ShownRun[]; rows: RunRow[] } {
  const ids = Array.from({ length: count }, (_, index) => `u${index}`);
  return {
    shown: ids.map((uuid) => ({ uuid, name: uuid, colour: "#123456", started: 0 })),
    rows: ids.map((uuid, index) => ({
      uuid,
      id: `id${index}`,
      created: index,
      state: "finished",
      fields: index % 2 ? { "config/lr": "0.1" } : {},
    })),
  };
}

describe("the runs of a chart", () => {
  const at = (limit: number, chosen: string[] = []) => {
    const { shown, rows } = runs(30);
    return choose(shown, rows, "light", { hidden: new Set(["id1"]), chosen, limit });
  };
  it("are the first, without those taken out", () => {
    expect(at(3).map((run) => run.uuid)).toEqual(["u0", "u2", "u3"]);
    expect(at(3).some((run) => run.context)).toBe(false);
  });
  it("are pale past eight, but for the page's own and the chosen, which are always there", () => {
    const found = at(10, ["id29"]);
    expect(found).toHaveLength(10);
    expect(found.filter((run) => !run.context).map((run) => run.uuid)).toEqual(["u0", "u29"]);
    expect(new Set(found.map((run) => run.colour)).size).toBe(3);
  });
  it("stand together by a key, and those without it apart", () => {
    const { shown, rows } = runs(5);
    const found = grouped(shown, rows, "config/lr", "light");
    expect(found.map((group) => [group.name, group.members?.length])).toEqual([
      ["lr 0.1 · 2 runs", 2],
      [`lr ${UNSET} · 3 runs`, 3],
    ]);
    expect(groupKeys(rows)).toEqual(["config/lr"]);
  });
});

describe("density", () => {
  const plane: Plane = {
    left: 0,
    top: 0,
    width: 4,
    height: 10,
    x: (value) => value,
    y: (value) => 9 - value,
    scale: "linear",
  };
  const grid = (curves: Curve[]) => density(curves, plane);
  it("counts each curve once in a pixel", () => {
    const flat = grid([curve([5, 5, 5, 5]), curve([5, 5, 5, 5])]);
    expect([flat.most, flat.counts[4], flat.counts[0]]).toEqual([2, 2, 0]);
  });
  it("has the spike that only the band of a bucket knows", () => {
    const one = curve([1, 1, 1, 1], { low: Float64Array.of(1, 1, 1, 1), high: Float64Array.of(1, 9, 1, 1) });
    expect(grid([one]).counts[1 * 10 + 0]).toBe(1);
  });
  it("takes a steep line through every row", () => {
    const column = Array.from({ length: 10 }, (_, row) => grid([curve([0, 9])]).counts[row]! > 0);
    expect(column.every(Boolean)).toBe(true);
  });
  it("draws nothing across a gap or a resume", () => {
    const broken = { ...curve([1, 9]), resumes: [1] };
    expect(grid([broken]).counts.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(grid([curve([1, NaN, 9])]).counts.reduce((sum, count) => sum + count, 0)).toBe(2);
  });
});

describe("the band of a pixel", () => {
  const plane: Plane = {
    left: 10,
    top: 0,
    width: 4,
    height: 100,
    x: (value) => 10.5 + value,
    y: (value) => 100 - value,
    scale: "linear",
  };
  const banded = (low: number[], high: number[], more: Partial<Curve> = {}) => ({
    ...curve(high, { low: Float64Array.from(low), high: Float64Array.from(high), shift: 0 }),
    ...more,
  });
  const shown = (one: Curve, of: Plane = plane) => {
    const { top, bottom } = span(of, one);
    return [...top].map((above, column) => (above > bottom[column]! ? null : [above, bottom[column]]));
  };

  it("reaches over all its buckets, and to where the edges leave it", () => {
    const made = shown(banded([0, 10, 0, 0], [20, 30, 20, 20]));
    expect(made[0]).toEqual([75, 100]); // half way up to the next
    expect(made[1]).toEqual([70, 95]);
    expect(made[3]).toEqual([80, 100]);
  });
  it("holds a spike among many buckets in one pixel", () => {
    const high = Array.from({ length: 100 }, (_, index) => (index === 50 ? 90 : 20));
    const dense = { ...plane, x: (value: number) => 10 + value / 25 };
    expect(shown(banded(Array(100).fill(5) as number[], high), dense)[2]).toEqual([10, 95]);
  });
  it("is interrupted by a resume and by what is not finite", () => {
    expect(shown(banded([0, 0, 0, 0], [20, 90, 20, 20], { resumes: [1] }))[0]).toEqual([80, 100]);
    expect(shown(banded([0, NaN, 0, 0], [20, NaN, 20, 20]))[1]).toBeNull();
  });
  it("of a view far in goes through every pixel of it, and through none outside", () => {
    const zoomed = { ...plane, x: (value: number) => 10 + 1000 * (value - 0.5) };
    expect(shown(banded([0, 100, 100, 0], [0, 100, 100, 0]), zoomed).map((at) => at && at[0]! < 51)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
  it("goes down to the edge on a log axis where its least value has no place there", () => {
    const log: Plane = { ...plane, scale: "log" };
    expect(shown(banded([-1, 1, 1, 1], [20, 20, 20, 20]), log)[0]![1]).toBe(100);
    expect(shown(banded([-2, 1, 1, 1], [-1, 20, 20, 20]), log)[0]).toBeNull();
  });
});

it("one rank far off does not pale the others", () => {
  const values = Float64Array.from({ length: 200 }, (_, index) => (index === 5 ? 1e9 : index % 10));
  expect(spread(values).high).toBe(9);
  expect(spread(Float64Array.of(NaN))).toEqual({ low: 0, high: 1 });
});
