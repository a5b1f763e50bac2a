import { describe, expect, it } from "vitest";
import type { RunRow } from "../src/api/types";
import { assign, HUES, NAMES, ownPlace } from "../src/theme/palette";
import { factRows, metricRows } from "../src/views/compared";
import { path } from "../src/views/Sparkline";

const run = (id: string, fields: Record<string, string>): RunRow => ({
  uuid: `u-${id}`,
  id,
  created: 0,
  state: "finished",
  fields,
});

describe("a comparison's rows", () => {
  const rows = factRows([
    run("a", { "config/lr": "0.1", "config/model/depth": "12", "config/a~1b": '"x"' }),
    run("b", { "config/lr": "0.2", "config/model/depth": "12" }),
  ]);
  const by = new Map(rows.map((row) => [row.name, row]));
  it("say which keys differ, an unset one too", () => {
    expect(by.get("lr")).toMatchObject({ cells: ["0.1", "0.2"], numbers: [0.1, 0.2], differs: true });
    expect(by.get("model/depth")).toMatchObject({ differs: false });
    expect(by.get("a/b")).toMatchObject({ cells: ["x", ""], numbers: null, differs: true });
  });
  it("of metrics take the figure that is asked for", () => {
    const figures = { last: 1, min: 0, max: "NaN", at: null, step: 9, points: 10, at_step: null };
    const metrics = [{ name: "loss", runs: { "u-a": figures } }];
    const of = (figure: "last" | "max" | "at") => metricRows(metrics, ["u-a", "u-b"], figure)[0]!;
    expect(of("last")).toMatchObject({ cells: ["1", ""], numbers: [1, null], metric: "loss" });
    expect(of("max").cells).toEqual(["NaN", ""]);
    expect(of("at").cells).toEqual(["", ""]);
  });
});

describe("a run's colour", () => {
  it("is the one that was chosen, and others make way for it", () => {
    const ids = ["a", "b", "c", "d"];
    const chosen = new Map([["d", NAMES[ownPlace("a")]!]]);
    const places = assign(ids, chosen);
    expect(places.get("d")).toBe(ownPlace("a"));
    expect(places.get("a")).not.toBe(ownPlace("a"));
    expect(new Set(places.values()).size).toBe(4);
  });
  it("does not change when later runs join", () => {
    const few = assign(["a", "b"]);
    const many = assign(["a", "b", "c", "d", "e"]);
    for (const id of ["a", "b"]) expect(many.get(id)).toBe(few.get(id));
  });
  it("that is not known is the run's own", () => expect(ownPlace("a", "puce")).toBe(ownPlace("a")));
  it("has a name for every hue", () => expect(HUES.light.length + HUES.dark.length).toBe(2 * NAMES.length));
});

describe("a sparkline", () => {
  const curve = (line: number[]) =>
    path({ step: Float64Array.from(line.keys()), line: Float64Array.from(line) });
  it("shows a spike among many points", () => {
    const flat = Array.from({ length: 5000 }, () => 1);
    flat[2500] = 9;
    expect(curve(flat)).toContain(" 2.0V18.0");
  });
  it("passes over what is not finite", () => expect(curve([1, NaN, 2])).toBe("M0 18.0L63 2.0"));
  it.each([[[]], [[1]], [[NaN, NaN]]])("is nothing of %j", (line) => expect(curve(line)).toBe(""));
});
