import { describe, expect, it } from "vitest";
import { inner, outer, rowsOf } from "../src/heat/codes";
import { columnRows, quantileRow, type Heat } from "../src/heat/columns";

const ONE = 0x3f8; // the code of 1.0
const MINUS = 0x800;

describe("bucket codes", () => {
  it("are cut from the number's own bits", () => {
    expect(inner(ONE)).toBe(1);
    expect(outer(ONE)).toBe(1.125);
    expect(inner(ONE | MINUS)).toBe(-1);
    expect(outer(ONE | MINUS)).toBe(-1.125);
  });
  it("lie in the order of their values, zero between the signs", () => {
    const rows = rowsOf([ONE, ONE + 8, ONE | MINUS, 0]);
    const order = [ONE | MINUS, 0, ONE, ONE + 8].map((code) => rows.of(code));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(rows.of(0)).toBe(rows.zero);
    expect(rows.of(ONE + 8)).toBe(rows.count - 1);
  });
  it("have edges that ascend over all rows", () => {
    const rows = rowsOf([ONE, ONE | MINUS]);
    const edges = Array.from({ length: rows.count }, (_, row) => rows.edge(row));
    expect(edges).toEqual([...edges].sort((a, b) => a - b));
    expect(rows.edge(rows.count - 1)).toBe(1);
  });
  it("need no zero where everything is on one side of it", () => {
    const rows = rowsOf([ONE, ONE + 3]);
    expect(rows.zero).toBe(-1);
    expect(rows.count).toBe(4);
  });
  it("far below the largest join the row of zero, so that no count is lost", () => {
    const rows = rowsOf([ONE, 0x100]);
    expect(rows.of(0x100)).toBe(rows.zero);
  });
});

describe("a column", () => {
  const data = {
    ends: Uint32Array.of(0, 3),
    codes: Uint16Array.of(0, ONE, ONE + 1),
    counts: Float64Array.of(2, 5, 3),
  } as unknown as Heat;
  it("keeps every count", () => {
    const counts = columnRows(data, rowsOf(data.codes), 0);
    expect(counts.reduce((sum, value) => sum + value, 0)).toBe(10);
  });
  it("has its median in the middle of its counts", () => {
    expect(quantileRow(Float64Array.of(1, 2, 1), 0.5)).toBeCloseTo(1.5);
    expect(quantileRow(new Float64Array(3), 0.5)).toBeNaN();
  });
});
