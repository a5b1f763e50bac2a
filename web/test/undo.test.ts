import { describe, expect, it } from "vitest";
import { begin, moved, redone, undone } from "../src/address/undo";

const walk = (...places: [string, number][]) =>
  places.reduce((steps, [place, at]) => moved(steps, place, at), begin("#/p"));

describe("undo", () => {
  it("goes back through what was chosen, and forth again", () => {
    const steps = walk(["#/p?sort=a", 0], ["#/p?sort=a&group=b", 5000], ["#/p/run", 9000]);
    const back = undone(undone(steps));
    expect(back.here).toBe("#/p?sort=a");
    expect(redone(redone(back)).here).toBe("#/p/run");
    expect(undone(undone(undone(back))).here).toBe("#/p");
  });
  it("takes what is typed as one step, and what comes later as another", () => {
    const steps = walk(["#/p?q=v", 0], ["#/p?q=vi", 300], ["#/p?q=vit", 600], ["#/p?q=vit-1", 9000]);
    expect(undone(steps).here).toBe("#/p?q=vit");
    expect(undone(undone(steps)).here).toBe("#/p");
  });
  it("forgets what was undone once something else is chosen", () => {
    const steps = moved(undone(walk(["#/p?sort=a", 0])), "#/p?sort=b", 9000);
    expect(redone(steps)).toBe(steps);
    expect(undone(steps).here).toBe("#/p");
  });
  it("of nothing does nothing", () => {
    const steps = begin("#/p");
    expect(undone(steps)).toBe(steps);
    expect(redone(steps)).toBe(steps);
    expect(moved(steps, "#/p", 1)).toBe(steps);
  });
});
