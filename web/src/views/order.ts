// Which rows of the table are shown, and in what order: search, sort, groups. Rows are numbers throughout, so that ten
// thousand of them are ordered in a few milliseconds.
import { nameAt, type Cell, type RunsData } from "../api/table";
import { matcher } from "../format/names";
import { together } from "../theme/palette";
import type { ColumnDef } from "./columns";

export const UNSET = "(unset)";

/** A line of the table: a run's row, or the head of a group. */
export type Line = number | Group;

export interface Group {
  /** What its runs have in common, as text; UNSET where they lack it. */
  name: string;
  rows: number[];
  open: boolean;
}

/** The id of the run in a line; null: it is a group's. */
export function idAt(data: RunsData, lines: readonly Line[], index: number): string | null {
  const line = lines[index];
  return typeof line === "number" ? data.ids[line]! : null;
}

export function found(data: RunsData, search: string): number[] {
  const all = data.ids.map((_, row) => row);
  if (!search.trim()) return all;
  const matches = matcher(search);
  const user = data.cells.get("env/user");
  return all.filter((row) =>
    matches(
      [nameAt(data, row), data.ids[row], data.state[row], data.tags[row]!.join(" "), user?.[row] ?? ""].join(
        " ",
      ),
    ),
  );
}

/** Numbers by size before texts in natural order; what a run lacks, and NaN, come last either way. */
export function sorted(
  data: RunsData,
  rows: readonly number[],
  column: ColumnDef,
  descending: boolean,
): number[] {
  const sign = descending ? -1 : 1;
  const numbers = new Float64Array(data.ids.length);
  const texts: string[] = [];
  const [ofNumbers, ofTexts, missing]: [number[], number[], number[]] = [[], [], []];
  for (const row of rows) {
    const value = column.value(data, row);
    if (value === null || Number.isNaN(value)) missing.push(row);
    else if (typeof value === "number") {
      numbers[row] = value;
      ofNumbers.push(row);
    } else {
      texts[row] = natural(value);
      ofTexts.push(row);
    }
  }
  ofNumbers.sort((a, b) => sign * (numbers[a]! - numbers[b]!) || a - b);
  ofTexts.sort((a, b) => sign * (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : 0) || a - b);
  return descending ? [...ofTexts, ...ofNumbers, ...missing] : [...ofNumbers, ...ofTexts, ...missing];
}

/** A text under which run-9 stands before run-10, and é beside e: to be compared letter by letter. */
export function natural(text: string): string {
  const folded = /^[\0-\x7f]*$/.test(text) ? text : text.normalize("NFKD").replace(/\p{M}+/gu, "");
  return folded.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
}

/** The rows under heads, groups in the order of their values, the unset one last; each group keeps the rows' order. */
export function grouped(
  data: RunsData,
  rows: readonly number[],
  column: ColumnDef,
  shut: ReadonlySet<string>,
): Line[] {
  const groups = new Map<string, { value: Cell; rows: number[] }>();
  for (const row of rows) {
    const value = column.value(data, row);
    const name = value === null ? UNSET : column.text(value, data.now);
    const group = groups.get(name);
    if (group) group.rows.push(row);
    else groups.set(name, { value, rows: [row] });
  }
  const heads = [...groups].sort(([, a], [, b]) => compared(a.value, b.value));
  return heads.flatMap(([name, group]) => {
    const open = !shut.has(name);
    const head: Group = { name, rows: group.rows, open };
    return open ? [head, ...group.rows] : [head];
  });
}

function compared(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return natural(a) < natural(b) ? -1 : 1;
}

/** What a group's head says of a numeric column; null where none of its runs has a number. */
export function spread(
  data: RunsData,
  rows: readonly number[],
  column: ColumnDef,
): { mean: number; min: number; max: number; n: number } | null {
  let [sum, min, max, n] = [0, Infinity, -Infinity, 0];
  for (const row of rows) {
    const value = column.value(data, row);
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
    n += 1;
  }
  return n ? { mean: sum / n, min, max, n } : null;
}

/** The place of the hue of each run that has one among those of these lines; the others are grey. */
export function hues(
  data: RunsData,
  lines: readonly Line[],
  selected: ReadonlySet<string>,
): Map<string, number> {
  const chosen = new Map<string, string>();
  data.cells.get("colour")?.forEach((name, row) => {
    if (typeof name === "string") chosen.set(data.ids[row]!, name);
  });
  const ticked = [...selected].filter((id) => data.row.has(id)); // a filter may hide them: their hues are taken
  const shown = lines.flatMap((line) => (typeof line === "number" ? [line] : line.open ? [] : line.rows));
  const ids = new Set([...shown.map((row) => data.ids[row]!), ...ticked]);
  return together([...ids], ticked, (id) => data.created[data.row.get(id)!]!, chosen);
}
