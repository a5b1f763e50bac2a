// The table of a project's runs as columns (query/run_table.py), decoded once and changed row by row by what is new.
import { fromJson } from "./run";
import { decode, type Column } from "./payload";
import type { State } from "./types";

/** Null is unset. Lists and objects stay the JSON text they are. */
export type Cell = string | number | null;

export interface RunsData {
  total: number;
  found: number;
  /** The service's clock, ms. */
  now: number;
  /** Another one whenever anything but the clock is another: what is sorted by it need not be again. */
  content: object;
  ids: string[];
  row: Map<string, number>;
  created: number[];
  /** NaN where it is not known. */
  started: number[];
  ended: number[];
  state: State[];
  ranks: number[];
  tags: string[][];
  cells: Map<string, Cell[]>;
}

interface Body {
  total: number;
  found: number;
  now: number;
  ids: string[];
  created: number;
  started: number;
  ended: number;
  state: number;
  ranks: number;
  columns: Record<string, { codes: number; texts: string[] } | { numbers: number; unset: number }>;
}

const STATES: State[] = ["unknown", "running", "finished", "failed", "crashed"];

export function decodeTable(buffer: ArrayBuffer): RunsData {
  const { body, arrays } = decode<Body>(buffer);
  const at = (index: number): Column => arrays[index]!;
  const cells = new Map<string, Cell[]>();
  let tags: string[][] = body.ids.map(() => []);
  for (const [name, column] of Object.entries(body.columns)) {
    if ("numbers" in column) {
      const values: Cell[] = Array.from(at(column.numbers));
      for (const row of at(column.unset)) values[row] = null;
      cells.set(name, values);
      continue;
    }
    const texts: Cell[] = [null, ...column.texts.map(cellOf)];
    const codes = Array.from(at(column.codes));
    cells.set(
      name,
      codes.map((code) => texts[code] ?? null),
    );
    if (name === "tags") {
      const lists = [[], ...column.texts.map(tagsOf)];
      tags = codes.map((code) => lists[code] ?? []);
    }
  }
  return {
    total: body.total,
    found: body.found,
    now: body.now,
    content: {},
    ids: body.ids,
    row: rowsOf(body.ids),
    created: Array.from(at(body.created)),
    started: Array.from(at(body.started)),
    ended: Array.from(at(body.ended)),
    state: Array.from(at(body.state), (code) => STATES[code] ?? "unknown"),
    ranks: Array.from(at(body.ranks)),
    tags,
    cells,
  };
}

/** The table with what has changed since: known runs in their rows, new ones on top. What is as it was stays the same. */
export function merge(old: RunsData, changed: RunsData): RunsData {
  const all = changed.ids.map((_, index) => index);
  const fresh = all.filter((index) => !old.row.has(changed.ids[index]!));
  const known = all.filter((index) => old.row.has(changed.ids[index]!));
  const ids = fresh.length ? [...fresh.map((index) => changed.ids[index]!), ...old.ids] : old.ids;
  const row = fresh.length ? rowsOf(ids) : old.row;
  let same = !fresh.length;
  const joined = <T>(
    before: T[],
    after: (T | null)[] | undefined,
    alike: (a: T, b: T) => boolean = Object.is,
  ) => {
    const place = (index: number) => old.row.get(changed.ids[index]!)!;
    const other = after ? known.filter((index) => !alike(before[place(index)]!, after[index] as T)) : [];
    if (!fresh.length && !other.length) return before;
    same = false;
    const joint = [...fresh.map((index) => (after?.[index] ?? null) as T), ...before];
    for (const index of other) joint[fresh.length + place(index)] = after![index] as T;
    return joint;
  };
  const cells = new Map<string, Cell[]>();
  for (const [name, before] of old.cells) cells.set(name, joined(before, changed.cells.get(name)));
  const next = {
    total: changed.total,
    found: old.found + fresh.length,
    now: changed.now,
    ids,
    row,
    created: joined(old.created, changed.created),
    started: joined(old.started, changed.started),
    ended: joined(old.ended, changed.ended),
    state: joined(old.state, changed.state),
    ranks: joined(old.ranks, changed.ranks),
    tags: joined(old.tags, changed.tags, (a, b) => a.join("\n") === b.join("\n")),
    cells,
  };
  return { ...next, content: same ? old.content : {} };
}

const AGES_MS = 60_000; // ages are told in minutes

/** The merged table, or the old one where only the clock has moved on and what is told by it reads the same. */
export function settled(old: RunsData, next: RunsData): RunsData {
  const same = next.content === old.content && next.total === old.total && !old.state.includes("running");
  return same && next.now - old.now < AGES_MS ? old : next;
}

/** Whether runs that are in the table have left the project since: somebody put them in the trash. */
export function lost(old: RunsData, changed: RunsData): boolean {
  // Where the table holds every run, one that it does not know began since; else it may only be one not shown till now.
  const fresh = old.ids.length === old.total ? changed.ids.filter((id) => !old.row.has(id)).length : 0;
  return changed.total < old.total + fresh;
}

export function nameAt(data: RunsData, row: number): string {
  const name = data.cells.get("name")?.[row];
  return typeof name === "string" && name ? name : data.ids[row]!;
}

function rowsOf(ids: string[]): Map<string, number> {
  return new Map(ids.map((id, index) => [id, index]));
}

function cellOf(text: string): Cell {
  const value = fromJson(text);
  if (typeof value === "number") return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : text;
  return typeof value === "string" ? value : text;
}

function tagsOf(text: string): string[] {
  const value = fromJson(text);
  return Array.isArray(value) ? value.map(String) : [];
}
