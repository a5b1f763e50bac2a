// Whether the service answers, and lets this browser in: what the banner at the top says, and the way in.
import { useSyncExternalStore } from "react";

function told<T>(value: T) {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next: T) => {
      if (next === value) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const lostSince = told<number | null>(null);
const signedOut = told(false);

export function failed(): void {
  if (lostSince.get() === null) lostSince.set(Date.now());
}

export function worked(): void {
  lostSince.set(null);
}

/** out: the service has asked for its token. */
export function signed(out: boolean): void {
  signedOut.set(out);
}

export function useLostSince(): number | null {
  return useSyncExternalStore(lostSince.subscribe, lostSince.get);
}

export function useSignedOut(): boolean {
  return useSyncExternalStore(signedOut.subscribe, signedOut.get);
}
