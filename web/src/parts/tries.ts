import { createContext } from "react";

/** Which try of drawing a view this is: another number after each failure that was shown. */
export const Tries = createContext(0);

let tries = 0;

export function nextTry(): number {
  tries += 1;
  return tries;
}
