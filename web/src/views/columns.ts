// What a column of the runs table is, and how rows are ordered by one.
import { fieldValue, runName, runTags } from "../api/run";
import type { RunRow } from "../api/types";
import { number } from "../format/number";
import { age, duration } from "../format/time";

export type Cell = string | number | null;

export interface ColumnDef {
  id: string;
  title: string;
  width: number;
  numeric: boolean;
  /** What is sorted by; null is always last. */
  value: (run: RunRow) => Cell;
  text: (run: RunRow) => string;
}

export type Last = Record<string, Record<string, number | string>>;

export const FIXED = ["name", "state", "created", "duration", "user", "tags"];
export const DEFAULT = ["state", "created", "duration", "user", "tags"];

export function columnOf(id: string, now: number, last: Last): ColumnDef {
  const make = (
    title: string,
    width: number,
    value: (run: RunRow) => Cell,
    text?: (run: RunRow) => string,
  ): ColumnDef => ({
    id,
    title,
    width,
    numeric: id.includes("/") || id === "duration" || id === "created",
    value,
    text: text ?? ((run) => shown(value(run))),
  });
  if (id === "name") return make("Run", 300, runName);
  if (id === "state") return make("State", 104, (run) => run.state);
  if (id === "created")
    return make(
      "Age",
      92,
      (run) => run.created,
      (run) => age(run.created, now),
    );
  if (id === "duration")
    return make(
      "Took",
      96,
      (run) => took(run, now),
      (run) => duration(took(run, now) ?? 0),
    );
  if (id === "user") return make("User", 96, (run) => text(fieldValue(run, "env/user")));
  if (id === "tags") return make("Tags", 160, (run) => runTags(run).join(", ") || null);
  if (id.startsWith("metric/")) {
    const name = id.slice(7);
    return make(name, width(name), (run) => {
      const value = last[run.uuid]?.[name];
      return value === undefined ? null : Number(value);
    });
  }
  const title = id
    .replace(/^(config|summary)\//, "")
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
  return make(title, width(title), (run) => text(fieldValue(run, id)));
}

function width(title: string): number {
  return Math.min(220, Math.max(96, 34 + title.length * 7));
}

function took(run: RunRow, now: number): number | null {
  return run.started === undefined ? null : (run.ended ?? now) - run.started;
}

function text(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "string") return value;
  return JSON.stringify(value);
}

function shown(value: Cell): string {
  return typeof value === "number" ? number(value) : (value ?? "");
}

/** Numbers by size, texts in natural order; what a run lacks comes last either way. */
export function sorted(runs: RunRow[], column: ColumnDef, descending: boolean): RunRow[] {
  const order = new Intl.Collator("en", { numeric: true });
  const keyed = runs.map((run) => ({ run, value: column.value(run) }));
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => {
    const aMissing = a.value === null || Number.isNaN(a.value);
    const bMissing = b.value === null || Number.isNaN(b.value);
    if (aMissing || bMissing) return Number(aMissing) - Number(bMissing);
    if (typeof a.value === "number" && typeof b.value === "number") return sign * (a.value - b.value);
    return sign * order.compare(String(a.value), String(b.value));
  });
  return keyed.map(({ run }) => run);
}

/** Config and summary keys that some run has, the config keys that differ first. */
export function fieldColumns(runs: RunRow[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const [key, value] of Object.entries(run.fields)) {
      if (!key.startsWith("config/") && !key.startsWith("summary/")) continue;
      const known = values.get(key);
      if (!known) values.set(key, new Set([value]));
      else if (known.size < 2) known.add(value);
    }
  }
  const differing = (key: string) => (values.get(key)?.size ?? 0) > 1;
  return [...values.keys()].sort((a, b) => Number(differing(b)) - Number(differing(a)) || a.localeCompare(b));
}

/** The columns somebody sees who has chosen none: a few settings that tell the runs apart, a few results. */
export function suggested(runs: RunRow[], metrics: string[]): string[] {
  const fields = fieldColumns(runs);
  const said = (key: string) =>
    new Set(runs.map((run) => run.fields[key]).filter((text) => text !== undefined));
  const differing = fields.filter((key) => said(key).size > 1);
  const first = differing.length ? differing : fields;
  const telling = ["loss", "acc", "accuracy", "score", "reward", "perplexity"];
  const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  const results = metrics.filter((name) => telling.includes(last(name))).slice(0, 4);
  return [
    ...first.filter((key) => key.startsWith("config/")).slice(0, 4),
    ...(results.length ? results : metrics.slice(0, 3)).map((name) => `metric/${name}`),
  ];
}
