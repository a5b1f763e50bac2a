// The rows of a comparison: settings of runs side by side, and what their metrics came to.
import { fieldValue, fromJson } from "../api/run";
import type { RunRow } from "../api/types";
import { number } from "../format/number";
import { duration } from "../format/time";

export type Figure = "last" | "min" | "max" | "at";

type Number = number | string | null;

/** One metric as the service compares it (query/comparison.py); runs by UUID. */
export interface Compared {
  name: string;
  runs: Record<
    string,
    {
      last: Number;
      min: Number;
      max: Number;
      at: Number;
      step: number;
      points: number;
      at_step: number | null;
    }
  >;
}

export interface CompareRow {
  id: string;
  name: string;
  /** One a run; "" where it has none. */
  cells: string[];
  /** For differences from the first; null where there is no number. */
  numbers: (number | null)[] | null;
  differs: boolean;
  /** Whose curves stand beside the values. */
  metric: string | null;
}

const FACTS: [string, (run: RunRow) => unknown][] = [
  ["state", (run) => run.state],
  [
    "took",
    (run) => (run.started === undefined || run.ended == null ? undefined : duration(run.ended - run.started)),
  ],
  ["user", (run) => fieldValue(run, "env/user")],
  ["host", (run) => fieldValue(run, "env/host")],
  ["commit", (run) => fieldValue(run, "env/git/commit")],
  ["ranks", (run) => run.ranks],
  ["group", (run) => fieldValue(run, "group")],
];

/** Config keys and facts of the runs, in the order of their names, the config first. */
export function factRows(runs: RunRow[]): CompareRow[] {
  const keys = new Set(
    runs.flatMap((run) =>
      Object.keys(run.fields).filter((key) => key.startsWith("config/") || key.startsWith("summary/")),
    ),
  );
  const order = new Intl.Collator("en", { numeric: true });
  const fields = [...keys].sort(order.compare).map((key) => {
    const values = runs.map((run) => (run.fields[key] === undefined ? undefined : fromJson(run.fields[key])));
    const name = key
      .replace(/^config\//, "")
      .replaceAll("~1", "/")
      .replaceAll("~0", "~");
    return rowOf(key, name, values);
  });
  const facts = FACTS.map(([name, value]) => rowOf(`run ${name}`, name, runs.map(value)));
  return [...fields, ...facts.filter((row) => row.cells.some((cell) => cell !== ""))];
}

function rowOf(id: string, name: string, values: unknown[]): CompareRow {
  const cells = values.map(said);
  const numbers = values.map((value) => (typeof value === "number" ? value : null));
  return {
    id,
    name,
    cells,
    numbers: numbers.some((value) => value !== null) ? numbers : null,
    differs: new Set(cells).size > 1,
    metric: null,
  };
}

/** One row a metric that any of the runs has. */
export function metricRows(metrics: Compared[], uuids: string[], figure: Figure): CompareRow[] {
  return metrics.map(({ name, runs }) => {
    const values = uuids.map((uuid) => runs[uuid]?.[figure] ?? null);
    const numbers = values.map((value) => (value === null ? null : Number(value)));
    const cells = numbers.map((value) => (value === null ? "" : number(value)));
    return { id: `metric ${name}`, name, cells, numbers, differs: new Set(numbers).size > 1, metric: name };
  });
}

function said(value: unknown): string {
  if (value === undefined || value === null) return value === null ? "null" : "";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value, 9);
  return typeof value === "string" ? value : JSON.stringify(value);
}
