import { describe, expect, it } from "vitest";
import { clockLabels, increments, labels } from "../src/charts/places";
import { number } from "../src/format/number";
import { linearBelow, symlogTicks, tickDigits } from "../src/charts/ticks";
import { ago } from "../src/format/time";
import { distinct, ending } from "../src/format/names";
import { labelled, rowsOf } from "../src/heat/codes";

describe("the labels of an x axis", () => {
  it.each([
    [
      [0, 2000, 4000],
      ["0", "2,000", "4,000"],
    ],
    [
      [0, 2000, 10_000],
      ["0", "2 k", "10 k"],
    ],
    [
      [0, 500_000, 1_000_000],
      ["0", "0.5 M", "1 M"],
    ],
    [
      [123_456, 123_457],
      ["123,456", "123,457"],
    ],
    [
      [1_234_500, 1_234_600],
      ["1,234,500", "1,234,600"],
    ],
  ])("of %j are of one unit and tell them apart", (ticks, texts) =>
    expect(labels(ticks, "step")).toEqual(texts),
  );
  it("of elapsed time are of people's units", () =>
    expect(labels([0, 5, 30, 90, 3600], "relative")).toEqual(["0", "5 s", "30 s", "1 m 30 s", "1 h"]));
  it("of steps never stand between two of them", () =>
    expect(increments("step")!.every(Number.isInteger)).toBe(true));
  it("of clock time say the day once, and again when it changes", () => {
    const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime() / 1000;
    expect(clockLabels([at(28, 22), at(28, 23), at(29, 0)])).toEqual([
      "22:00\n2026-11-28",
      "23:00",
      "00:00\n2026-11-29",
    ]);
  });
});

describe("a symlog axis", () => {
  it("is linear below the least value of one sign, or a thousandth of the greatest", () => {
    expect(linearBelow(0.02, 5)).toBe(0.01);
    expect(linearBelow(-1, 1)).toBe(0.001);
    expect(linearBelow(0, 0)).toBe(1);
  });
  it("has zero and decades on both sides, and room between them", () => {
    const ticks = symlogTicks(-1, 1, 0.001);
    expect(ticks).toContain(0);
    expect(ticks.filter((tick) => tick > 0)).toEqual([0.01, 0.1, 1]);
    expect(ticks.filter((tick) => tick < 0)).toEqual([-1, -0.1, -0.01]);
  });
  it("names twice and five times the decades where there is room", () =>
    expect(symlogTicks(0.018, 1.05, 0.01)).toEqual([0.02, 0.05, 0.1, 0.2, 0.5, 1]));
  it("has evenly spaced ticks where there is no decade to name", () =>
    expect(symlogTicks(1.01, 1.09, 1).length).toBeGreaterThan(2));
});

describe("the labels of a histogram's rows", () => {
  const code = (value: number) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return view.getUint32(0) >>> 20;
  };
  it("are zero and powers of ten, in their rows", () => {
    const rows = rowsOf([code(-3), code(0), code(3)]);
    const found = labelled(rows);
    expect(found.map((one) => one.text)).toEqual(["−1", "−0.1", "−0.01", "≈ 0", "0.01", "0.1", "1"]);
    for (const { row, text } of found) {
      if (text === "≈ 0") continue;
      const value = Number(text.replace("−", "-"));
      expect(rows.edge(Math.floor(row))).toBeLessThanOrEqual(value + 1e-9);
      expect(rows.edge(Math.floor(row) + 1)).toBeGreaterThanOrEqual(value - 1e-9);
    }
  });
  it.each([
    [
      [0.2, 0.9],
      ["0.2", "0.5"],
    ],
    [[-8, -3], ["−5"]],
    [[0], ["≈ 0"]],
  ])("of values %j alone are %j", (values, texts) =>
    expect(labelled(rowsOf(values.map(code))).map((one) => one.text)).toEqual(expect.arrayContaining(texts)),
  );
});

describe("a name that is too long", () => {
  it("keeps its end from a word border on", () => {
    const name = "vit-small-imagenet1k-lr0.003-wd0.05-seed2";
    expect(name.slice(ending(name))).toBe("-lr0.003-wd0.05-seed2");
    expect(ending("short-name")).toBe(0);
    expect(ending("x".repeat(80))).toBe(0);
  });
  it("is told from others by the part in which it differs", () =>
    expect(distinct(["model-a-run", "model-b-run"])).toEqual(["…a…", "…b…"]));
});

describe("how long ago something was", () => {
  it.each([
    [0, "just now"],
    [5 * 60_000, "5 min ago"],
    [90 * 86_400_000, "on 2026-08-30"],
  ])("%i ms ago is %s", (ms, text) => {
    const now = Date.UTC(2026, 10, 28);
    expect(ago(now - ms, now)).toBe(text);
  });
});

describe("the labels of a y axis", () => {
  it.each([
    [[0, 0.2, 0.4], 4],
    [[], 4],
    [[5], 4],
    [[21.531, 21.532, 21.533], 5],
    [[21.5325, 21.535, 21.5375], 6],
    [[1000.01, 1000.02], 6],
    [[null, 99.998, 99.999, 100], 6],
    [[1e12, 1e12 + 1], 10],
  ])("of %j have %d digits", (ticks, digits) => {
    expect(tickDigits(ticks)).toBe(digits);
    if (digits < 10) expect(new Set(ticks.map((tick) => number(tick, digits))).size).toBe(ticks.length);
  });
});
