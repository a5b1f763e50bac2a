// Follows the system until somebody says otherwise; kept for the next visit.
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const KEY = "stepwell.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function theme(): Theme {
  const kept = window.localStorage.getItem(KEY);
  if (kept === "light" || kept === "dark") return kept;
  return system.matches ? "dark" : "light";
}

export function apply(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

export function toggle(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  // Back to what the system says is not kept, so that the page follows it again.
  if (next === (system.matches ? "dark" : "light")) window.localStorage.removeItem(KEY);
  else window.localStorage.setItem(KEY, next);
  apply();
}

system.addEventListener("change", apply);

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}
