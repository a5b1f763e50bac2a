// What a column of the runs table is: its name, its width, what is shown of a run and what is sorted by.
import { nameAt, type Cell, type RunsData } from "../api/table";
import { number } from "../format/number";
import { age, duration } from "../format/time";

export interface ColumnDef {
  id: string;
  title: string;
  /** Where the name comes from: config, summary, metric; empty for what every run has. */
  kind: string;
  width: number;
  numeric: boolean;
  /** What is sorted by; null is always last. */
  value: (data: RunsData, row: number) => Cell;
  text: (value: Cell, now: number) => string;
}

/** config/KEY or summary/KEY, whether runs differ in it, how many have it. */
export type FieldName = [key: string, differs: boolean, runs: number];

export interface ColumnNames {
  fields: FieldName[];
  metrics: string[];
}

const OWN: Record<string, Partial<ColumnDef> & Pick<ColumnDef, "title" | "width" | "value">> = {
  name: { title: "Run", width: 320, value: nameAt },
  state: { title: "State", width: 104, value: (data, row) => data.state[row]! },
  created: {
    title: "Age",
    width: 96,
    numeric: true,
    value: (data, row) => data.created[row]!,
    text: (value, now) => age(Number(value), now),
  },
  duration: {
    title: "Took",
    width: 88,
    numeric: true,
    value: (data, row) => {
      const started = data.started[row]!;
      if (Number.isNaN(started)) return null;
      const ended = data.ended[row]!;
      return (Number.isNaN(ended) ? data.now : ended) - started;
    },
    text: (value) => (value === null ? "" : duration(Number(value))),
  },
  user: { title: "User", width: 88, value: (data, row) => data.cells.get("env/user")?.[row] ?? null },
  tags: { title: "Tags", width: 160, value: (data, row) => data.tags[row]!.join(", ") || null },
  group: { title: "Group", width: 120, value: (data, row) => data.cells.get("group")?.[row] ?? null },
  notes: { title: "Notes", width: 220, value: (data, row) => data.cells.get("notes")?.[row] ?? null },
  ranks: {
    title: "Ranks",
    width: 72,
    numeric: true,
    value: (data, row) => data.ranks[row]!,
    text: (value) => String(value),
  },
  id: { title: "Id", width: 120, value: (data, row) => data.ids[row]! },
};

export const FIXED = ["state", "created", "duration", "user", "tags"];
/** Offered beside config, summary and metrics. */
export const OFFERED = [...FIXED, "group", "notes", "ranks", "id"];

/** Those of the columns that the service is asked for: the others it always sends. */
export function fetched(ids: readonly string[]): string[] {
  return ids.filter((id) => id.includes("/"));
}

export function columnOf(id: string): ColumnDef {
  const own = OWN[id];
  if (own) return { id, kind: "", numeric: false, text: plain, ...own };
  const slash = id.indexOf("/");
  const kind = slash < 0 ? "" : id.slice(0, slash);
  const name = id.slice(slash + 1);
  const title = kind === "metric" ? name : name.replaceAll("~1", "/").replaceAll("~0", "~");
  return {
    id,
    title,
    kind,
    width: Math.min(220, Math.max(96, 60 + title.length * 7)),
    numeric: kind === "metric",
    value: (data, row) => data.cells.get(id)?.[row] ?? null,
    text: plain,
  };
}

/** Right-aligned where most of what it shows are numbers. */
export function withKind(column: ColumnDef, data: RunsData): ColumnDef {
  const cells = data.cells.get(column.id);
  if (column.numeric || !cells) return column;
  const first = cells.find((cell) => cell !== null);
  return typeof first === "number" ? { ...column, numeric: true } : column;
}

function plain(value: Cell): string {
  return typeof value === "number" ? number(value) : (value ?? "");
}

/** The columns somebody sees who has chosen none: a few settings that tell the runs apart, a few results. */
export function suggested({ fields, metrics }: ColumnNames): string[] {
  const config = fields.filter(([key]) => key.startsWith("config/"));
  const differing = config.filter(([, differs]) => differs);
  // A key of a few old runs says nothing of the others.
  const many = Math.max(0, ...config.map(([, , runs]) => runs)) / 2;
  const first = (differing.length ? differing : config)
    .filter(([, , runs]) => runs >= many)
    .map(([key]) => key);
  const telling = ["loss", "acc", "accuracy", "score", "reward", "perplexity"];
  const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  const results = metrics.filter((name) => telling.includes(last(name))).slice(0, 4);
  return [
    ...first.slice(0, 4),
    ...(results.length ? results : metrics.slice(0, 3)).map((name) => `metric/${name}`),
  ];
}
