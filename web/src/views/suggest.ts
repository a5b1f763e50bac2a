// What may be written next in a filter: the names that the table has, as the language spells them.
import type { ColumnNames } from "./columns";

const FIELDS = ["state", "name", "tags", "created", "id", "group", "job_type", "experiment", "notes"];
const WORDS = ["and", "or", "not", "in"];
const SHOWN = 8;

/** config/model/depth as config.model.depth, metric val/acc as summary["val/acc"]. */
export function spelled(id: string): string {
  const slash = id.indexOf("/");
  const kind = id.slice(0, slash);
  const rest = id.slice(slash + 1);
  if (kind === "metric") return `summary${keyed(rest)}`;
  const parts = rest.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return kind + parts.map(keyed).join("");
}

function keyed(part: string): string {
  return /^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
}

export interface Suggestion {
  text: string;
  /** What it takes the place of. */
  from: number;
}

/** Those that the word before the cursor may become, those that begin with it first. */
export function suggestions(text: string, cursor: number, names: ColumnNames): Suggestion[] {
  const before = text.slice(0, cursor);
  if ((before.match(/(?<!\\)"/g)?.length ?? 0) % 2 && !/\["[^"]*$/.test(before)) return []; // within a text
  const word = /[A-Za-z_][\w./"[\]-]*$/.exec(before)?.[0] ?? "";
  if (word.length < 2) return [];
  const every = [
    ...FIELDS,
    ...names.fields.map(([key]) => spelled(key)),
    ...names.metrics.map((name) => spelled(`metric/${name}`)),
  ];
  const low = word.toLowerCase();
  const begins = every.filter((name) => name.toLowerCase().startsWith(low));
  const holds = every.filter(
    (name) => !name.toLowerCase().startsWith(low) && name.toLowerCase().includes(low),
  );
  const found = [...new Set([...begins, ...holds])].filter((name) => name !== word).slice(0, SHOWN);
  return WORDS.includes(low) ? [] : found.map((name) => ({ text: name, from: cursor - word.length }));
}
