// Where the page is: everything behind the `#`, so that no prefix, proxy or server needs to know the views.
import { useSyncExternalStore } from "react";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
let seen = "";
let place: Place = { path: "/", query: new URLSearchParams() };

export function parse(hash: string): Place {
  const text = hash.replace(/^#/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  return { path: path || "/", query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)) };
}

export function format(path: string, query: URLSearchParams): string {
  // Commas and slashes stay as they are: people read and edit these.
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
  return text ? `#${path}?${text}` : `#${path}`;
}

export function current(): Place {
  if (window.location.hash !== seen) {
    seen = window.location.hash;
    place = parse(seen);
  }
  return place;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  window.addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
    window.removeEventListener("hashchange", listener);
  };
}

export function go(path: string, query = new URLSearchParams(), replace = false): void {
  const hash = format(path, query);
  if (hash === window.location.hash) return;
  if (replace) window.history.replaceState(null, "", hash);
  else window.history.pushState(null, "", hash);
  for (const listener of listeners) listener();
}

/** Goes to an address as it was, without an entry in the browser's history. */
export function show(hash: string): void {
  window.history.replaceState(null, "", hash || "#/");
  for (const listener of listeners) listener();
}

/** Calls the listener after every change of the address, whoever made it. */
export function watch(listener: () => void): void {
  subscribe(listener);
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, current);
}

/** For wouter: the path alone. */
export function useHashPath(): [string, (to: string) => void] {
  return [usePlace().path, (to) => go(to)];
}

/** One value of the address; null and the default leave it out. */
export function useParam(
  name: string,
  initial: string,
): [string, (value: string, replace?: boolean) => void] {
  const { query } = usePlace();
  return [
    query.get(name) ?? initial,
    (value, replace) => setParams({ [name]: value === initial ? null : value }, replace),
  ];
}

export function setParams(values: Record<string, string | null>, replace = false): void {
  const { path, query } = current();
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  go(path, next, replace);
}

/** Items joined by commas; a comma within one is written otherwise. */
export function joinList(items: readonly string[]): string {
  return items.map((item) => item.replaceAll("%", "%25").replaceAll(",", "%2c")).join(",");
}

export function splitList(text: string): string[] {
  return text ? text.split(",").map((item) => item.replaceAll(/%2c/gi, ",").replaceAll("%25", "%")) : [];
}

export function runPath(project: string, id: string): string {
  return `/${encodeURIComponent(project)}/${encodeURIComponent(id)}`;
}

export function projectPath(project: string): string {
  return `/${encodeURIComponent(project)}`;
}
