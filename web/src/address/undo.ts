// Ctrl+Z and Ctrl+Shift+Z over addresses: every choice in the page is one, also those that leave no entry in the browser's
// history (a search, a sort, a tick). What is typed letter by letter is one step.
import { current, show, watch } from "./location";

const TYPED_MS = 1200;
const STEPS_MAX = 200;

export interface Steps {
  past: string[];
  here: string;
  future: string[];
  /** What the last step changed, and when: the next letter of a search joins it. */
  what: string;
  at: number;
}

export function begin(here: string): Steps {
  return { past: [], here, future: [], what: "", at: -Infinity };
}

export function moved(steps: Steps, to: string, now: number): Steps {
  if (to === steps.here) return steps;
  const what = changed(steps.here, to);
  const joins = what !== "" && what === steps.what && now - steps.at < TYPED_MS;
  const past = joins ? steps.past : [...steps.past, steps.here].slice(-STEPS_MAX);
  return { past, here: to, future: [], what, at: now };
}

export function undone(steps: Steps): Steps {
  const to = steps.past.at(-1);
  if (to === undefined) return steps;
  return { ...begin(to), past: steps.past.slice(0, -1), future: [steps.here, ...steps.future] };
}

export function redone(steps: Steps): Steps {
  const [to, ...future] = steps.future;
  if (to === undefined) return steps;
  return { ...begin(to), past: [...steps.past, steps.here], future };
}

/** The one parameter that differs; "" where another place, or more than one. */
function changed(from: string, to: string): string {
  const [fromPath = "", fromQuery = ""] = from.split("?");
  const [toPath = "", toQuery = ""] = to.split("?");
  if (fromPath !== toPath) return "";
  const [before, after] = [new URLSearchParams(fromQuery), new URLSearchParams(toQuery)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  return names.length === 1 ? names[0]! : "";
}

/** Whether a key that is pressed there writes a letter. */
export function isWriting(target: EventTarget | null): boolean {
  const own = "textarea, select, input:not([type=checkbox], [type=range], [type=radio])";
  return target instanceof HTMLElement && target.matches(own);
}

export function listen(): void {
  current();
  let steps = begin(window.location.hash);
  watch(() => (steps = moved(steps, window.location.hash, performance.now())));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const redo = (key === "z" && event.shiftKey) || (key === "y" && !event.shiftKey);
    if (key !== "z" && !redo) return;
    // The browser's own, for what is being written.
    if (isWriting(event.target) && (event.target as HTMLInputElement).value !== "") return;
    const next = redo ? redone(steps) : undone(steps);
    if (next === steps) return;
    event.preventDefault();
    steps = next;
    show(steps.here);
  });
}
