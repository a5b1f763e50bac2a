import { describe, expect, it } from "vitest";
import { joinList, splitList } from "../src/address/location";
import { decodeTable, lost, merge, nameAt, settled, type Cell, type RunsData } from "../src/api/table";
import { columnOf, suggested } from "../src/views/columns";
import { found, grouped, hues, natural, sorted, spread, UNSET, type Group } from "../src/views/order";
import { spelled, suggestions } from "../src/views/suggest";
import { spanOf } from "../src/views/useRowsInView";

function table(ids: string[], cells: Record<string, Cell[]> = {}, more: Partial<RunsData> = {}): RunsData {
  return {
    total: ids.length,
    found: ids.length,
    now: 1000,
    content: {},
    ids,
    row: new Map(ids.map((id, row) => [id, row])),
    created: ids.map((_, row) => 100 - row),
    started: ids.map(() => 0),
    ended: ids.map(() => NaN),
    state: ids.map(() => "finished"),
    ranks: ids.map(() => 1),
    tags: ids.map(() => []),
    cells: new Map(Object.entries(cells)),
    ...more,
  };
}

/** As query/payload.py writes it. */
function payload(body: object, arrays: [string, number[]][]): ArrayBuffer {
  const parts = arrays.map(([kind, values]) => {
    const typed = { f64: Float64Array, f32: Float32Array, u32: Uint32Array, u16: Uint16Array }[kind]!.from(
      values,
    );
    const bytes = new Uint8Array(Math.ceil(typed.byteLength / 8) * 8);
    bytes.set(new Uint8Array(typed.buffer));
    return { kind, items: values.length, bytes };
  });
  let offset = 0;
  const places = parts.map(({ kind, items, bytes }) => {
    const place = [kind, items, offset];
    offset += bytes.length;
    return place;
  });
  let header = JSON.stringify({ body, arrays: places });
  header += " ".repeat((8 - ((header.length + 4) % 8)) % 8);
  const whole = new Uint8Array(4 + header.length + offset);
  new DataView(whole.buffer).setUint32(0, header.length, true);
  whole.set(new TextEncoder().encode(header), 4);
  parts.reduce((at, { bytes }) => (whole.set(bytes, at), at + bytes.length), 4 + header.length);
  return whole.buffer;
}

describe("a table of the service", () => {
  const data = decodeTable(
    payload(
      {
        total: 9, found: 3, now: 5, ids: ["a", "b", "c"], created: 0, started: 1, ended: 2, state: 3, ranks: 4,
        columns: {
          name: { codes: 5, texts: ['"first"'] },
          tags: { codes: 6, texts: ['["x","y"]'] },
          "config/lr": { numbers: 7, unset: 8 },
          "config/mixed": { codes: 5, texts: ["9007199254740993"] },
        },
      },
      [
        ["f64", [3, 2, 1]], ["f64", [NaN, 2, 1]], ["f64", [NaN, NaN, 4]], ["u16", [1, 2, 9]], ["u32", [0, 1, 2]],
        ["u16", [1, 0, 0]], ["u16", [0, 1, 1]], ["f64", [0.5, NaN, NaN]], ["u32", [2]],
      ],
    ),
  ); // prettier-ignore
  it("is decoded cell by cell, unset ones apart from NaN", () => {
    expect(data.ids.map((_, row) => nameAt(data, row))).toEqual(["first", "b", "c"]);
    expect(data.tags).toEqual([[], ["x", "y"], ["x", "y"]]);
    expect(data.cells.get("config/lr")).toEqual([0.5, NaN, null]);
    expect(data.cells.get("config/mixed")).toEqual(["9007199254740993", null, null]);
    expect(data.state).toEqual(["running", "finished", "unknown"]);
    expect([data.total, data.found]).toEqual([9, 3]);
  });
});

describe("changes", () => {
  const old = table(["b", "a"], { name: ["B", "A"], "config/lr": [1, 2] });
  const changed = table(
    ["c", "a"],
    { name: ["C", "A2"], "config/lr": [3, null] },
    { total: 3, now: 2000, state: ["running", "failed"] },
  );
  const next = merge(old, changed);
  it("come in on top and in place", () => {
    expect(next.ids).toEqual(["c", "b", "a"]);
    expect(next.cells.get("name")).toEqual(["C", "B", "A2"]);
    expect(next.cells.get("config/lr")).toEqual([3, 1, null]);
    expect(next.state).toEqual(["running", "finished", "failed"]);
    expect([next.total, next.found, next.now]).toEqual([3, 3, 2000]);
  });
  it("leave the table that is shown as it was", () => {
    expect(old.ids).toEqual(["b", "a"]);
    expect(old.cells.get("name")).toEqual(["B", "A"]);
  });
  it("that are none keep every row where it is", () => {
    const same = merge(old, table([], {}, { total: 2 }));
    expect(same.ids).toBe(old.ids);
    expect(same.cells.get("name")).toEqual(["B", "A"]);
    expect(same.content).toBe(old.content);
  });
  it("tell of what is as it was nothing but the time", () => {
    const again = table(["a"], { name: ["A"], "config/lr": [2] }, { total: 2, now: 2000, created: [99] });
    const same = merge(old, again);
    expect(same.content).toBe(old.content);
    for (const name of ["ids", "created", "started", "ended", "state", "tags", "row"] as const)
      expect(same[name], name).toBe(old[name]);
    expect(same.cells.get("name")).toBe(old.cells.get("name"));
    expect(same.now).toBe(2000);
  });
  it("that are none are no other table before the ages read otherwise, unless something runs", () => {
    const after = (table: RunsData, ms: number) => settled(table, { ...table, now: table.now + ms });
    expect(after(old, 10_000)).toBe(old);
    expect(after(old, 60_000).now).toBe(old.now + 60_000);
    expect(settled(old, next)).toBe(next);
    const running = { ...old, state: ["running" as const, "finished" as const] };
    expect(after(running, 3_000).now).toBe(old.now + 3_000);
  });
  it("make another table of what one cell changes, and leave its other columns", () => {
    const lr = merge(old, table(["a"], { name: ["A"], "config/lr": [NaN] }, { total: 2, created: [99] }));
    expect(lr.content).not.toBe(old.content);
    expect(lr.cells.get("name")).toBe(old.cells.get("name"));
    expect(lr.cells.get("config/lr")).toEqual([1, NaN]);
    expect(lr.created).toBe(old.created);
  });
});

describe("runs that somebody puts in the trash", () => {
  const whole = table(["a", "b"]);
  const part = table(["a", "b"], {}, { total: 5, found: 5 });

  it.each<[string, RunsData, RunsData, boolean]>([
    ["nothing", whole, table([], {}, { total: 2 }), false],
    ["one begins", whole, table(["c"], {}, { total: 3 }), false],
    ["one goes", whole, table([], {}, { total: 1 }), true],
    ["one begins and one goes", whole, table(["c", "a"], {}, { total: 2 }), true],
    ["an old one is heard of where not all are shown", part, table(["z"], {}, { total: 5 }), false],
    ["one goes where not all are shown", part, table([], {}, { total: 4 }), true],
  ])("are missed: %s", (_, old, changed, gone) => {
    expect(lost(old, changed)).toBe(gone);
  });
});

describe("the order of rows", () => {
  const column = columnOf("config/x");
  const by = (cells: Cell[], descending = false) => {
    const data = table(
      cells.map((_, row) => `r${row}`),
      { "config/x": cells },
    );
    return sorted(
      data,
      cells.map((_, row) => row),
      column,
      descending,
    ).map((row) => cells[row]);
  };
  it("is by size, what is missing last either way", () => {
    expect(by([3, null, NaN, -1, Infinity])).toEqual([-1, 3, Infinity, null, NaN]);
    expect(by([3, null, NaN, -1, Infinity], true)).toEqual([Infinity, 3, -1, null, NaN]);
  });
  it("of texts is natural, numbers before them", () => {
    expect(by(["run-10", "Run-9", "élan", "echo", 5])).toEqual([5, "echo", "élan", "Run-9", "run-10"]);
  });
  it("keeps equals in the order they come", () => {
    const data = table(["a", "b", "c"], { "config/x": [1, 1, 0] });
    expect(sorted(data, [0, 1, 2], column, true)).toEqual([0, 1, 2]);
  });
  it("of ten thousand texts takes no collator", () => {
    expect(natural("layer12")).toBe("layer000000000012");
    expect(natural("ÉA") < natural("eb")).toBe(true);
  });
});

describe("groups", () => {
  const data = table(["a", "b", "c", "d"], {
    "config/x": ["adam", null, "adam", 3],
    "metric/loss": [1, 2, 4, NaN],
  });
  it("have an unset one of their own, last, and fold", () => {
    const lines = grouped(data, [3, 2, 1, 0], columnOf("config/x"), new Set(["adam"]));
    expect(lines.map((line) => (typeof line === "number" ? line : (line as Group).name))).toEqual([
      "3",
      3,
      "adam",
      UNSET,
      1,
    ]);
    expect((lines[2] as Group).rows).toEqual([2, 0]);
  });
  it("say how numbers spread, without what is no number", () => {
    expect(spread(data, [0, 2, 3], columnOf("metric/loss"))).toEqual({ mean: 2.5, min: 1, max: 4, n: 2 });
    expect(spread(data, [3], columnOf("metric/loss"))).toBeNull();
  });
});

it("a search looks at name, id, tags, user and state", () => {
  const data = table(
    ["a1", "b2"],
    { name: ["Alpha", null], "env/user": ["ada", "bob"] },
    { tags: [["keep"], []] },
  );
  expect(found(data, "")).toEqual([0, 1]);
  expect(found(data, "alpha keep")).toEqual([0]);
  expect(found(data, "bob finished")).toEqual([1]);
  expect(found(data, "nothing")).toEqual([]);
});

it("suggested columns tell many runs apart", () => {
  const names = {
    fields: [
      ["config/a", false, 10],
      ["config/b", true, 10],
      ["config/old", true, 2],
    ] as [string, boolean, number][],
    metrics: ["optim/lr", "val/acc"],
  };
  expect(suggested(names)).toEqual(["config/b", "metric/val/acc"]);
});

describe("a filter's suggestions", () => {
  const names = {
    fields: [
      ["config/model/depth", true, 1],
      ["config/a~1b", true, 1],
    ] as [string, boolean, number][],
    metrics: ["val/acc", "loss"],
  };
  it.each([
    ["config/model/depth", "config.model.depth"],
    ["config/a~1b", 'config["a/b"]'],
    ["metric/val/acc", 'summary["val/acc"]'],
    ["metric/loss", "summary.loss"],
  ])("spell %s as the language does", (id, text) => expect(spelled(id)).toBe(text));
  it.each([
    ["config.mo", ["config.model.depth"]],
    ["state == 3 and dep", ["config.model.depth"]],
    ["acc", ['summary["val/acc"]']],
    ["and", []],
    ["x", []],
    ['name == "conf', []],
  ])("for %s", (text, offered) =>
    expect(suggestions(text, text.length, names).map((one) => one.text)).toEqual(offered),
  );
});

it("lists in an address survive commas", () => {
  const items = ["config/a,b", "100%", "%2c", "plain"];
  expect(splitList(joinList(items))).toEqual(items);
  expect(splitList("")).toEqual([]);
});

describe("the colours of the table", () => {
  const many = table(Array.from({ length: 9 }, (_, index) => `r${index}`));
  const rows = many.ids.map((_, row) => row);
  const coloured = (lines: (number | Group)[], ...ticked: string[]) =>
    [...hues(many, lines, new Set(ticked)).keys()].sort();

  it("are grey past eight runs, but for those that are ticked", () => {
    expect(coloured(rows)).toEqual([]);
    expect(coloured(rows, "r7", "r1")).toEqual(["r1", "r7"]);
  });
  it("are all different where a search leaves no more than eight", () => {
    expect(new Set(hues(many, rows.slice(1), new Set()).values()).size).toBe(8);
  });
  it("count what is ticked and hidden, which would be compared too", () => {
    expect(coloured(rows.slice(1), "r0")).toEqual(["r0"]);
  });
  it("count the runs of a closed group", () => {
    expect(coloured([{ name: "all", rows, open: false }])).toEqual([]);
  });
});

describe("rows in view", () => {
  it("always as many, more of them ahead of the scroll, none beyond the table", () => {
    const drawn = (top: number, back = false) => spanOf(top, 600, 36, 10_000, back);
    const size = ({ from, to }: { from: number; to: number }) => to - from;
    for (const top of [0, 35, 36, 1_000, 1_001, 50_000, 359_400]) {
      for (const back of [false, true]) {
        const span = drawn(top, back);
        expect(size(span)).toBe(size(drawn(0)));
        expect(span.from).toBeGreaterThanOrEqual(0);
        expect(span.to).toBeLessThanOrEqual(10_000);
        expect(span.from * 36).toBeLessThanOrEqual(top);
        expect(span.to * 36).toBeGreaterThanOrEqual(Math.min(360_000, top + 600));
      }
    }
    expect(drawn(36_000).from).toBeGreaterThan(drawn(36_000, true).from);
  });

  it("a short table is drawn whole", () => {
    expect(spanOf(0, 600, 36, 3, false)).toEqual({ from: 0, to: 3 });
    expect(spanOf(0, 600, 36, 0, false)).toEqual({ from: 0, to: 0 });
  });
});
