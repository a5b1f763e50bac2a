import { describe, expect, it, vi } from "vitest";
import { distinct, groups, matcher } from "../src/format/names";
import { bytes, count, number } from "../src/format/number";
import { age, duration } from "../src/format/time";
import { confusion } from "../src/views/confusion";
import { keyTree } from "../src/views/tree";
import { xOf } from "../src/charts/axis";
import { nearest, nonPositive, xRange, yFit, type Curve, type Range } from "../src/charts/curve";
import { badPoints, join, type Series } from "../src/charts/series";

vi.stubGlobal("window", { location: { hash: "" } });

describe("numbers as people read them", () => {
  it.each([
    [0, "0"],
    [0.0012345678, "0.0012346"],
    [12345.678, "12,346"],
    [1234567, "1,234,567"],
    [1.23456e-7, "1.235×10⁻⁷"],
    [-0.5, "−0.5"],
    [NaN, "NaN"],
    [-Infinity, "−Inf"],
    [2e20, "2×10²⁰"],
    [null, ""],
  ])("%s is %s", (value, text) => expect(number(value)).toBe(text));

  it.each([
    [999, "999"],
    [16000, "16 k"],
    [4_200_000, "4.2 M"],
  ])("%s points are %s", (value, text) => expect(count(value)).toBe(text));

  it("sizes are in binary units", () => expect([bytes(512), bytes(1536)]).toEqual(["512 B", "1.5 KiB"]));
  it("durations have two units", () =>
    expect([360, 42_000, 200_000, 18_720_000, 273_600_000].map(duration)).toEqual([
      "0.4 s",
      "42 s",
      "3 m 20 s",
      "5 h 12 m",
      "3 d 4 h",
    ]));
  it("ages are rough", () => expect(age(0, 7_200_000)).toBe("2 h"));
});

describe("names", () => {
  it("are shown by the part in which they differ, cut at word borders", () =>
    expect(distinct(["vit-small-lr0.01-final", "vit-small-lr0.03-final"])).toEqual(["…lr0.01…", "…lr0.03…"]));
  it("stay whole where one is the head of the other", () =>
    expect(distinct(["run", "run-2"])).toEqual(["run", "run-2"]));
  it("group by prefix in natural order", () =>
    expect(groups(["layer10/w", "loss", "layer2/w", "layer2/b"])).toEqual([
      { prefix: "", names: ["loss"] },
      { prefix: "layer2", names: ["layer2/b", "layer2/w"] },
      { prefix: "layer10", names: ["layer10/w"] },
    ]));
  it("match words in any order, and patterns", () => {
    expect(["train/loss", "val/loss", "train/acc"].filter(matcher("loss TRAIN"))).toEqual(["train/loss"]);
    expect(["a(b", "ab"].filter(matcher("a(*"))).toEqual(["a(b"]);
  });
});

describe("a confusion matrix", () => {
  it.each(["plain text", "[1, 2]", "[[1,2],[3]]", '[["a"],["b"]]', "{", '{"matrix": 3}'])(
    "is not in %s",
    (text) => expect(confusion(text)).toBeNull(),
  );
  it("has its labels, or numbers", () => {
    expect(confusion("[[5,1],[0,4]]")?.labels).toEqual(["0", "1"]);
    expect(confusion('{"labels":["cat","dog"],"matrix":[[5,1],[0,4]]}')?.labels).toEqual(["cat", "dog"]);
  });
});

describe("config as a tree", () => {
  const leaves = [["lr"], ["model", "depth"], ["model", "head", "dim"]].map((path) => ({
    path,
    values: ["1"],
    differs: false,
  }));
  it("is walked depth first", () =>
    expect(keyTree(leaves, new Set()).map((row) => `${row.depth}${row.name}`)).toEqual([
      "0lr",
      "0model",
      "1depth",
      "1head",
      "2dim",
    ]));
  it("leaves out what is below a closed branch, and counts it", () => {
    const rows = keyTree(leaves, new Set(["/model"]));
    expect(rows.map((row) => row.name)).toEqual(["lr", "model"]);
    expect(rows[1]?.size).toBe(2);
  });
});

function series(line: number[], more: Partial<Series> = {}): Series {
  return {
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
    ...more,
  };
}

function curve(line: number[], more: Partial<Series> = {}): Curve {
  const made = series(line, more);
  const x = xOf(made, "step", { started: 0 });
  return {
    run: "r",
    dash: 0,
    name: "r",
    colour: "#000",
    lit: "#000",
    series: made,
    x,
    resumes: [],
    ordered: true,
    context: false,
  };
}

const shown: (...asked: Parameters<typeof yFit>) => Range | undefined = (...asked) => yFit(...asked)?.range;

describe("what a chart fits", () => {
  it("has every spike in it, also one that only the band knows", () => {
    const one = curve([1, 1, 1], { low: Float64Array.of(1, -50, 1), high: Float64Array.of(1, 100, 1) });
    const fitted = shown([one], { min: 0, max: 2 }, "linear", false);
    expect(fitted!.min).toBeLessThan(-50);
    expect(fitted!.max).toBeGreaterThan(100);
  });
  it("takes no notice of what is not finite, or beside the view", () => {
    const fitted = shown([curve([1, NaN, Infinity, 2, 900])], { min: 0, max: 3 }, "linear", false);
    expect(fitted!.max).toBeLessThan(3);
  });
  it("is positive on a log axis, and what is not is counted", () => {
    const one = curve([-1, 0, 0.1, 10]);
    expect(shown([one], { min: 0, max: 3 }, "log", false)!.min).toBeGreaterThan(0);
    expect(nonPositive([one])).toBe(2);
  });
  it("is never a single line", () => {
    expect(xRange([curve([3])])).toEqual({ min: -1, max: 1 });
    const flat = shown([curve([5, 5])], { min: 0, max: 1 }, "linear", false);
    expect(flat!.max).toBeGreaterThan(flat!.min);
  });
  it("finds the nearest point", () =>
    expect([-5, 0.4, 0.6, 99].map((at) => nearest(Float64Array.of(0, 1, 2), at))).toEqual([0, 0, 1, 2]));
});

describe("new points", () => {
  const held = series([1, 2, 3], { shift: 0 });
  it("join what is held, in the place of what they repeat", () => {
    const tail = series([30, 40], { shift: 0, step: Float64Array.of(2, 3), time: Float64Array.of(2, 3) });
    expect([...join(held, { series: tail, since: 2 }).line]).toEqual([1, 2, 30, 40]);
  });
  it("replace everything where the buckets have become wider", () => {
    const whole = series([1.5, 3], { shift: 1 });
    expect(join(held, { series: whole, since: null })).toBe(whole);
  });
  it("that are not finite are counted", () => expect(badPoints(series([1, NaN, Infinity]))).toBe(2));
});
