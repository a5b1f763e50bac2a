// Which cards there are, in what order and how each is drawn: pinned, hidden, and settings that override the page's.
import type { YScale } from "./curve";

export interface CardSettings {
  scale?: YScale;
  clip?: boolean;
  /** Ranks apart, as a heatmap of rank by step. */
  ranks?: boolean;
  /** Metrics laid over this one, told apart by their dashes: another split's, for instance. */
  over?: string[];
}

/** Of a card that is as the page is. */
export const PLAIN: CardSettings = {};

export interface Cards {
  pinned: string[];
  hidden: string[];
  settings: Record<string, CardSettings>;
}

export const NO_CARDS: Cards = { pinned: [], hidden: [], settings: {} };

/** As the address has them; where it has none, as this browser kept them for the project. */
export function cardsOf(pin: string, off: string, set: string, project: string): Cards {
  if (pin || off || set) return { pinned: textList(pin), hidden: textList(off), settings: textSettings(set) };
  const text = window.localStorage.getItem(keptAs(project));
  if (!text) return NO_CARDS;
  const [pinned = "", hidden = "", settings = ""] = text.split("\n");
  return { pinned: textList(pinned), hidden: textList(hidden), settings: textSettings(settings) };
}

export function keepCards(project: string, texts: string[]): void {
  if (texts.some(Boolean)) window.localStorage.setItem(keptAs(project), texts.join("\n"));
  else window.localStorage.removeItem(keptAs(project));
}

function keptAs(project: string): string {
  return `stepwell.cards.${project}`;
}

/** Names as one value of the address; the letters that separate are escaped within a name. */
export function listText(names: string[]): string {
  return names.map(escaped).join(",");
}

export function textList(text: string): string[] {
  return text.split(",").filter(Boolean).map(unescaped);
}

/** "train/loss:log:clip,val/loss:ranks" */
export function settingsText(settings: Record<string, CardSettings>): string {
  return Object.entries(settings)
    .map(([name, { scale, clip, ranks, over }]) => [
      name,
      scale,
      clip && "clip",
      ranks && "ranks",
      over?.length && `over.${over.map(escaped).join("*")}`,
    ])
    .filter((parts) => parts.slice(1).some(Boolean))
    .map(([name, ...rest]) => [escaped(String(name)), ...rest.filter(Boolean)].join(":"))
    .join(",");
}

export function textSettings(text: string): Record<string, CardSettings> {
  const found: Record<string, CardSettings> = {};
  for (const entry of text.split(",").filter(Boolean)) {
    const [name = "", ...words] = entry.split(":");
    const one: CardSettings = {};
    for (const word of words) {
      if (word === "linear" || word === "log" || word === "symlog") one.scale = word;
      else if (word === "clip") one.clip = true;
      else if (word === "ranks") one.ranks = true;
      else if (word.startsWith("over.")) one.over = word.slice(5).split("*").filter(Boolean).map(unescaped);
    }
    found[unescaped(name)] = one;
  }
  return found;
}

function escaped(name: string): string {
  return name.replace(/[%,:*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function unescaped(text: string): string {
  return text.replace(/%(25|2C|3A|2A)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** A section of the page: a branch of the prefixes' tree, or small neighbours that share one grid. */
export interface Section {
  /** What opens and shuts it. */
  key: string;
  label: string;
  names: string[];
  sections: Section[];
  total: number;
}

const TOGETHER = 12; // so few cards need no headings
const SMALL = 2;

/**
 * A tree of what stands before the slashes. Chains of one branch are one; small neighbours flow together. Histograms come
 * after the curves: those are what one opens a run for.
 */
export function sections(names: string[], histograms: ReadonlySet<string> = new Set()): Section[] {
  // Whoever sends for the first charts asks just before the page does.
  if (!last || !same(last.names, names) || !same([...last.histograms], [...histograms]))
    last = { names, histograms, found: tree(names, histograms) };
  return last.found;
}

let last: { names: string[]; histograms: ReadonlySet<string>; found: Section[] } | null = null;

function same(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index]);
}

function tree(names: string[], histograms: ReadonlySet<string>): Section[] {
  const order = new Intl.Collator("en", { numeric: true }).compare;
  const late = (name: string) => Number(histograms.has(name));
  const sorted = [...new Set(names)].sort(
    (a, b) => late(a) - late(b) || order(prefixOf(a), prefixOf(b)) || order(a, b),
  );
  if (sorted.length <= TOGETHER) {
    return sorted.length ? [{ key: ".", label: "", names: sorted, sections: [], total: sorted.length }] : [];
  }
  return joined(branches(sorted, 0));
}

function prefixOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

function branches(names: string[], depth: number): Section[] {
  const own: string[] = [];
  const below = new Map<string, string[]>();
  for (const name of names) {
    const parts = name.split("/");
    if (parts.length - 1 <= depth) own.push(name);
    else {
      const part = parts[depth]!;
      const members = below.get(part);
      if (members) members.push(name);
      else below.set(part, [name]);
    }
  }
  const found: Section[] = own.length
    ? [{ key: ".", label: "", names: own, sections: [], total: own.length }]
    : [];
  for (const [label, members] of below) {
    const inner = branches(members, depth + 1);
    const path = members[0]!
      .split("/")
      .slice(0, depth + 1)
      .join("/");
    const leaf = inner.find((one) => one.label === "");
    const rest = inner.filter((one) => one.label !== "");
    const only = rest[0];
    if (!leaf && rest.length === 1 && only) found.push({ ...only, label: `${label}/${only.label}` });
    else
      found.push({
        key: path,
        label,
        names: leaf?.names ?? [],
        sections: joined(rest),
        total: members.length,
      });
  }
  return found;
}

function joined(found: Section[]): Section[] {
  const result: Section[] = [];
  let flow: Section[] = [];
  const end = () => {
    if (flow.length > 1) {
      const labels = flow.map((one) => one.label || "metrics");
      result.push({
        key: `${flow[0]!.key}+`,
        label: labels.length > 4 ? `${labels.slice(0, 4).join(" · ")} · …` : labels.join(" · "),
        names: flow.flatMap((one) => one.names),
        sections: [],
        total: flow.reduce((sum, one) => sum + one.total, 0),
      });
    } else result.push(...flow);
    flow = [];
  };
  for (const one of found) {
    if (one.total <= SMALL && !one.sections.length) flow.push(one);
    else {
      end();
      result.push(one);
    }
  }
  end();
  return result;
}

/** Metrics of the same name under another prefix: train/loss and val/loss. */
export function siblings(metric: string, names: string[]): string[] {
  const leaf = metric.slice(metric.lastIndexOf("/") + 1);
  return names.filter((name) => name !== metric && name.slice(name.lastIndexOf("/") + 1) === leaf);
}

const CARD_PX = 340;
const GAP_PX = 12;

/** As many as fit, but no more than leave the last row nearly full: five cards are three and two, not four and one. */
export function columnsFor(width: number, cards: number): number {
  const most = Math.max(1, Math.floor((width + GAP_PX) / (CARD_PX + GAP_PX)));
  const rows = Math.ceil(cards / most);
  return Math.max(1, Math.ceil(cards / Math.max(1, rows)));
}
