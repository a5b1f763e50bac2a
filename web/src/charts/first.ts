// The series of the charts that a run's page shows first: asked for before any chart is there to ask.
import type { Named, Opening } from "../api/types";
import { cardsOf, sections, type Section } from "./cards";
import { SeriesStore, type Asking } from "./store";

export const BUCKETS = 1024;
const CHARTS = 12; // as many as a screen shows
const RUNS = 5;
const KEPT_MS = 5_000;

/** What the page asks where the address asks for nothing else. */
const PLAIN: Asking = {
  buckets: BUCKETS,
  smoothing: 0,
  view: () => null,
  x: null,
  members: () => null,
  median: false,
};
const OTHERWISE = ["z", "s", "x", "by", "agg", "q", "card"];

let held: { store: SeriesStore; runs: string[]; leave: () => void } | null = null;

/** Sends for them; nothing where the address asks for another way to see them. */
export function expect(project: string, { runs, metrics }: Opening, query: URLSearchParams): void {
  if (!runs.length || runs.length > RUNS || OTHERWISE.some((name) => query.get(name))) return;
  const uuids = runs.map((run) => run.uuid);
  const store = new SeriesStore(PLAIN);
  const ends = firstNames(project, metrics, query).flatMap((name) =>
    uuids.map((run) => store.subscribe(run, name, () => undefined)),
  );
  store.now();
  const leave = () => ends.forEach((end) => end());
  const mine = { store, runs: uuids, leave };
  held = mine;
  // Charts that come later than that ask for what is there then.
  window.setTimeout(() => held === mine && taken(store), KEPT_MS);
}

/** The store that holds them, for the first charts of these runs that ask in the plain way. */
export function expected(runs: readonly string[]): SeriesStore | null {
  const same =
    held !== null && held.runs.length === runs.length && runs.every((run) => held!.runs.includes(run));
  return same ? held!.store : null;
}

/** From here on the charts themselves say what they want. */
export function taken(store: SeriesStore): void {
  if (held?.store !== store) return;
  held.leave();
  held = null;
}

/** Of what is pinned and of the first section with cards of its own: as ChartSections opens them. */
export function firstNames(project: string, metrics: readonly Named[], query: URLSearchParams): string[] {
  const [pin, off, set] = ["pin", "off", "set"].map((name) => query.get(name) ?? "") as [
    string,
    string,
    string,
  ];
  const { pinned, hidden } = cardsOf(pin, off, set, project);
  const scalars = new Set(named(metrics, "scalar"));
  const away = new Set([...hidden, ...pinned]);
  const all = metrics.filter((one) => one.kind !== "text").map((one) => one.name);
  const found = sections(
    all.filter((name) => !away.has(name)),
    new Set(named(metrics, "histogram")),
  );
  const top = pinned.filter((name) => !hidden.includes(name));
  return [...top, ...ownNames(found)].filter((name) => scalars.has(name)).slice(0, CHARTS);
}

function named(metrics: readonly Named[], kind: Named["kind"]): string[] {
  return metrics.filter((one) => one.kind === kind).map((one) => one.name);
}

function ownNames(found: readonly Section[]): string[] {
  const [first] = found;
  return first ? (first.names.length ? first.names : ownNames(first.sections)) : [];
}
