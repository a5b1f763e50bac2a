// Which runs the charts draw, in what colour, and which stand together as one line.
import type { RunRow } from "../api/types";
import { chosenColours, fieldValue } from "../api/run";
import { assign, colour, ownPlace, together } from "../theme/palette";
import type { Theme } from "../theme/theme";
import type { ShownRun } from "./LineChart";

export const UNSET = "(unset)";
export const SHOWN_AT_FIRST = 20;

export interface Choice {
  /** Ids of runs taken out of the charts. */
  hidden: Set<string>;
  /** Ids of runs that stay in colour among many. */
  chosen: string[];
  /** How many runs at most. */
  limit: number;
}

/** The first is the page's own run; the chosen are always among those shown. Past eight, what is not chosen is pale. */
export function choose(runs: ShownRun[], rows: RunRow[], theme: Theme, choice: Choice): ShownRun[] {
  const names = new Map(rows.map((row) => [row.uuid, row.id]));
  const id = (run: ShownRun) => names.get(run.uuid) ?? run.uuid;
  const there = runs.filter((run) => !choice.hidden.has(id(run)));
  const chosen = new Set(choice.chosen);
  const first = there.filter((run, index) => index === 0 || chosen.has(id(run)));
  const rest = there.filter((run) => !first.includes(run));
  const shown = [...first, ...rest].slice(0, Math.max(choice.limit, first.length));
  const created = new Map(rows.map((row) => [row.id, row.created]));
  const colours = chosenColours(rows);
  const places = together(shown.map(id), first.map(id), (one) => created.get(one) ?? 0, colours);
  return shown.map((run) => {
    const place = places.get(id(run)) ?? -1;
    const hue = colour(theme, place);
    if (place >= 0) return { ...run, colour: hue, context: false };
    // While it is pointed at it takes a hue that is free, and its own where none is.
    const free = assign([...places.keys(), id(run)], colours).get(id(run)) ?? -1;
    const lit = free >= 0 ? free : ownPlace(id(run), colours.get(id(run)));
    return { ...run, colour: hue, context: true, lit: colour(theme, lit) };
  });
}

/** Config keys by which these runs fall into fewer groups than there are runs. */
export function groupKeys(rows: RunRow[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const row of rows) {
    for (const [key, text] of Object.entries(row.fields)) {
      if (!key.startsWith("config/") && key !== "group" && key !== "job_type") continue;
      const found = values.get(key) ?? new Set();
      found.add(text);
      values.set(key, found);
    }
  }
  return [...values.keys()].sort();
}

/** One line for each value of a key; runs without it are a group of their own, the last. */
export function grouped(runs: ShownRun[], rows: RunRow[], key: string, theme: Theme): ShownRun[] {
  const byUuid = new Map(rows.map((row) => [row.uuid, row]));
  const groups = new Map<string, ShownRun[]>();
  for (const run of runs) {
    const row = byUuid.get(run.uuid);
    const value = row ? fieldValue(row, key) : undefined;
    const label = value === undefined ? UNSET : typeof value === "string" ? value : JSON.stringify(value);
    const members = groups.get(label);
    if (members) members.push(run);
    else groups.set(label, [run]);
  }
  const order = new Intl.Collator("en", { numeric: true }).compare;
  const labels = [...groups.keys()].sort((a, b) => Number(a === UNSET) - Number(b === UNSET) || order(a, b));
  const short = key.replace(/^config\//, "").replaceAll("~1", "/");
  const places = assign(labels.map((label) => `${key}=${label}`));
  return labels.map((label) => {
    const members = groups.get(label)!;
    const name = label === UNSET ? `${short} ${UNSET}` : `${short} ${label}`;
    return {
      uuid: `${key}=${label}`.slice(0, 280),
      name: `${name} · ${members.length} ${members.length === 1 ? "run" : "runs"}`,
      colour: colour(theme, places.get(`${key}=${label}`)),
      started: Math.min(...members.map((run) => run.started)),
      members: members.map((run) => run.uuid),
    };
  });
}
