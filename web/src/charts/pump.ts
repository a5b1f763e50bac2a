// Redraws of live charts, a few milliseconds a frame: a screen full of charts never makes a late frame.

const BUDGET_MS = 6;
const queue = new Map<object, () => void>();
const ends = new Set<() => void>();
let running = false;

/**
 * Runs the job soon; a job of the same owner that still waits is replaced. The next frame is left to the layout of what
 * has changed beside the charts, unless that is done.
 */
export function pump(owner: object, job: () => void, laidOut = false): void {
  queue.set(owner, job);
  if (running) return;
  running = true;
  const begin = () => requestAnimationFrame(() => void frame());
  if (laidOut) begin();
  else requestAnimationFrame(begin);
}

export function unpump(owner: object): void {
  queue.delete(owner);
}

/** Runs the job once nothing waits to be drawn any more. */
export function pumped(job: () => void): void {
  ends.add(job);
}

async function frame(): Promise<void> {
  const start = performance.now();
  while (queue.size && performance.now() - start < BUDGET_MS) {
    const [owner, job] = queue.entries().next().value!;
    queue.delete(owner);
    job();
    await Promise.resolve(); // uPlot commits in a microtask: its drawing counts to this frame's budget
  }
  if (queue.size) {
    requestAnimationFrame(() => void frame());
    return;
  }
  running = false;
  for (const job of ends) window.setTimeout(job, 0); // this frame is on the screen then
  ends.clear();
}
