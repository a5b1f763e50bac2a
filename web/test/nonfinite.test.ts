import { describe, expect, it } from "vitest";
import { listed, marked } from "../src/api/nonfinite";
import type { RunsData } from "../src/api/table";
import { due, type Known } from "../src/views/useNonfinite";

describe("what a row says of points that are not finite", () => {
  it.each([
    [[3, 0, 0], "3 NaN", "3 NaN"],
    [[0, 2, 0], "2 +Inf", "2 +Inf"],
    [[0, 0, 25_000], "25 k −Inf", "25 k −Inf"],
    [[3, 1, 2], "6 non-finite", "3 NaN, 1 +Inf, 2 −Inf"],
  ])("%j", ([nan, above, below], short, long) => {
    expect(marked({ nan: nan!, above: above!, below: below!, of: 1, metrics: [] })).toBe(short);
    expect(listed(nan!, above!, below!)).toBe(long);
  });
});

describe("which runs are asked about", () => {
  const data = {
    row: new Map([
      ["live", 0],
      ["done", 1],
    ]),
    state: ["running", "finished"],
  } as unknown as RunsData;
  const known = (state: string, at: number): Known => ({ counts: null, state, at });
  const all = ["live", "done"];

  it("is those that nothing is known of", () => {
    expect(due(all, new Map([["done", known("finished", 0)]]), data, 0)).toEqual(["live"]);
  });
  it("is a live one every ten seconds, and one that has ended every two minutes", () => {
    const held = new Map([
      ["live", known("running", 0)],
      ["done", known("finished", 0)],
    ]);
    expect(due(all, held, data, 9_999)).toEqual([]);
    expect(due(all, held, data, 10_000)).toEqual(["live"]);
    expect(due(all, held, data, 120_000)).toEqual(all);
  });
  it("is one that ended since", () => {
    expect(due(["done"], new Map([["done", known("running", 0)]]), data, 1)).toEqual(["done"]);
  });
  it("is no more than the service answers at once", () => {
    expect(
      due(
        Array.from({ length: 600 }, (_, index) => `r${index}`),
        new Map(),
        data,
        0,
      ),
    ).toHaveLength(500);
  });
});
