import { describe, expect, it } from "vitest";
import { fillBand, lineBand, outlineBand } from "../src/charts/band";
import { Sheet } from "../src/charts/sheet";

const WIDTH = 3;
const HEIGHT = 6;
const LEFT = 10;
const TOP = 100;

function empty(): Sheet {
  return new Sheet().begin(LEFT, TOP, WIDTH, HEIGHT);
}

/** The rows of a column, as [red, green, blue, opacity]. */
function column(sheet: Sheet, at: number): number[][] {
  const rows = new Uint32Array(WIDTH * HEIGHT);
  sheet.rows(rows, WIDTH);
  const bytes = new Uint8Array(rows.buffer);
  return Array.from({ length: HEIGHT }, (_, row) => [
    ...bytes.subarray(4 * (row * WIDTH + at), 4 * (row * WIDTH + at) + 4),
  ]);
}

const opacities = (sheet: Sheet, at: number) => column(sheet, at).map((pixel) => pixel[3]);

function span(top: number[], bottom: number[]) {
  return {
    left: LEFT,
    top: Float64Array.from(top, (row) => TOP + row),
    bottom: Float64Array.from(bottom, (row) => TOP + row),
  };
}

describe("a bar on the sheet", () => {
  const bars: [string, number, number, number[]][] = [
    ["of whole pixels", 1, 4, [0, 255, 255, 255, 0, 0]],
    ["with soft ends", 1.5, 3.25, [0, 128, 255, 64, 0, 0]],
    ["within one pixel", 2.25, 2.75, [0, 0, 128, 0, 0, 0]],
    ["over the border of two", 1.75, 2.25, [0, 64, 64, 0, 0, 0]],
    ["that begins above", -50, 1.5, [255, 128, 0, 0, 0, 0]],
    ["that ends below", 5, 1e12, [0, 0, 0, 0, 0, 255]],
    ["that covers all", -Infinity, Infinity, [255, 255, 255, 255, 255, 255]],
    ["out of view", -9, -2, [0, 0, 0, 0, 0, 0]],
    ["of no height", 2, 2, [0, 0, 0, 0, 0, 0]],
    ["of nothing", Infinity, -Infinity, [0, 0, 0, 0, 0, 0]],
    ["of no number", NaN, NaN, [0, 0, 0, 0, 0, 0]],
  ];
  it.each(bars)("%s", (_, from, to, expected) => {
    const sheet = empty();
    sheet.ink("#ff8000", 1);
    sheet.bar(1, TOP + from, TOP + to);
    expect(opacities(sheet, 1)).toEqual(expected);
    expect([...opacities(sheet, 0), ...opacities(sheet, 2)].every((one) => one === 0)).toBe(true);
  });

  it("has its ink's colour, however pale", () => {
    for (const alpha of [1, 0.5, 0.2]) {
      const sheet = empty();
      sheet.ink("#ff8000", alpha);
      sheet.bar(0, TOP, TOP + 1);
      const [red, green, blue, opacity] = column(sheet, 0)[0]!;
      expect(opacity).toBe(Math.round(255 * alpha));
      expect([red, Math.abs(green! - 0x80) <= 2, blue]).toEqual([255, true, 0]);
    }
  });

  it.each([
    [0.5, 0.5],
    [0.2, 0.7],
    [0.04, 0.04],
    [1, 0.3],
  ])("of opacity %d under one of %d lets through what a canvas does", (under, over) => {
    const sheet = empty();
    sheet.ink("#ff0000", under);
    sheet.bar(0, TOP, TOP + 1);
    sheet.ink("#0000ff", over);
    sheet.bar(0, TOP, TOP + 1);
    const opacity = over + under * (1 - over);
    const near = [(255 * under * (1 - over)) / opacity, 0, (255 * over) / opacity, 255 * opacity];
    column(sheet, 0)[0]!.forEach((channel, at) =>
      // A step of the opacity is as many of a channel as it is pale.
      expect(Math.abs(channel - near[at]!)).toBeLessThanOrEqual(at === 3 ? 1 : 1 + 1 / opacity),
    );
  });

  it("grows no lighter under many others", () => {
    const sheet = empty();
    for (let times = 0; times < 500; times += 1) {
      sheet.ink(times % 2 ? "#ffffff" : "#fefefe", 0.1);
      sheet.bar(0, TOP, TOP + 1);
    }
    const [red, green, blue, opacity] = column(sheet, 0)[0]!;
    expect(opacity).toBeGreaterThanOrEqual(250);
    expect([red, green, blue].every((channel) => channel! >= 250)).toBe(true);
  });

  it("is gone from the next sheet", () => {
    const sheet = empty();
    sheet.ink("#ff8000", 1);
    sheet.bar(1, TOP, TOP + HEIGHT);
    expect(opacities(sheet.begin(LEFT, TOP, WIDTH, HEIGHT), 1)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("a band on the sheet", () => {
  it("has a spike of one bucket from end to end, darker than what it stands for", () => {
    const sheet = empty();
    const spike = span([4, 0, 4], [5, 5, 5]);
    sheet.ink("#336699", 0.2);
    fillBand(sheet, spike);
    sheet.ink("#336699", 0.34);
    outlineBand(sheet, spike);
    const inside = opacities(sheet, 1);
    expect(inside.slice(0, 4).every((one) => one! > 100)).toBe(true);
    expect(inside[5]).toBe(0);
    expect(opacities(sheet, 0).slice(0, 4)).toEqual([0, 0, 0, 0]);
  });
  it("is a pixel high at least where its values are the same", () => {
    const sheet = empty();
    sheet.ink("#336699", 1);
    outlineBand(sheet, span([2, 2, 2], [2, 2, 2]));
    expect(opacities(sheet, 1)).toEqual([0, 0, 255, 0, 0, 0]);
  });
  it("has a gap where no bucket is", () => {
    const sheet = empty();
    sheet.ink("#336699", 1);
    fillBand(sheet, span([1, Infinity, 1], [4, -Infinity, 4]));
    outlineBand(sheet, span([1, Infinity, 1], [4, -Infinity, 4]));
    lineBand(sheet, span([1, Infinity, 1], [4, -Infinity, 4]), 2);
    expect(opacities(sheet, 1)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(opacities(sheet, 2)).not.toEqual([0, 0, 0, 0, 0, 0]);
  });
  it("as a line is as broad as that, and as high as its values", () => {
    const sheet = empty();
    sheet.ink("#336699", 1);
    lineBand(sheet, span([2.5, 0, 3], [2.5, 6, 4]), 1);
    expect(opacities(sheet, 0)).toEqual([0, 0, 255, 0, 0, 0]);
    expect(opacities(sheet, 1)).toEqual([255, 255, 255, 255, 255, 255]);
    expect(opacities(sheet, 2)).toEqual([0, 0, 0, 255, 0, 0]);
  });
});
