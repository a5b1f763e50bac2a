// Whether the service answers: what the banner at the top says.
import { useSyncExternalStore } from "react";

let lostSince: number | null = null;
const listeners = new Set<() => void>();

function set(value: number | null): void {
  if ((lostSince === null) === (value === null)) return;
  lostSince = value;
  for (const listener of listeners) listener();
}

export function failed(): void {
  set(Date.now());
}

export function worked(): void {
  set(null);
}

export function useLostSince(): number | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => lostSince,
  );
}
