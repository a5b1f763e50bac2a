import { describe, expect, it } from "vitest";
import type { Artifact } from "../src/api/types";
import { joined, sinceOf, type Held } from "../src/views/useMedia";

const one = (name: string, step: number, state = "complete", rank = 0) =>
  ({ name, step, rank, state, files: [] }) as unknown as Artifact;

describe("what is asked for of a run's media", () => {
  const held: Held = { media: [], now: 100_000, whole: 50_000 };

  it("is everything at first, and every two minutes", () => {
    expect(sinceOf(undefined, 50_000)).toBeNull();
    expect(sinceOf(held, 170_000)).toBeNull();
  });
  it("is what came since the last look by the service's clock, and a little before", () => {
    expect(sinceOf(held, 169_999)).toBe(70_000);
    expect(sinceOf({ ...held, now: 5 }, 60_000)).toBe(0);
  });
});

describe("what is held of a run's media", () => {
  const held = [one("a", 0), one("a", 10), one("b", 0)];

  it("is the same list where nothing has come", () => {
    expect(joined(held, [])).toBe(held);
    expect(joined(held, [one("a", 10)])).toBe(held);
  });
  it("takes in steps and ranks in their places", () => {
    const all = joined(held, [one("a", 5), one("a", 0, "complete", 1), one("0", 7)]);
    expect(all.map(({ name, step, rank }) => [name, step, rank])).toEqual([
      ["0", 7, 0],
      ["a", 0, 0],
      ["a", 0, 1],
      ["a", 5, 0],
      ["a", 10, 0],
      ["b", 0, 0],
    ]);
  });
  it("knows one that is complete by now, and keeps the others as they are", () => {
    const before = [one("a", 0), one("a", 10, "staged")];
    const after = joined(before, [one("a", 10)]);
    expect(after.map(({ state }) => state)).toEqual(["complete", "complete"]);
    expect(after[0]).toBe(before[0]);
  });
});
