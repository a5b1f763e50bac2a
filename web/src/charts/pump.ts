// Redraws of charts, a little of each frame: a screen full of live charts never makes a late frame.

interface Job {
  run: () => void;
  awaited: boolean;
}

// What the browser does in the same frame with the canvases that were drawn on takes twice as long again.
const LIVE_MS = 1.2;
const AWAITED_MS = 6;
const queue = new Map<object, Job>();
const ends = new Set<() => void>();
let running = false;

/**
 * Runs the job soon; a job of the same owner that still waits is replaced. awaited: someone waits for it, who opened the
 * page or turned to something else; else it is what came of a live run, and the next frame is left to the layout of what
 * has changed beside the charts.
 */
export function pump(owner: object, job: () => void, awaited = false): void {
  queue.set(owner, { run: job, awaited: awaited || (queue.get(owner)?.awaited ?? false) });
  if (running) return;
  running = true;
  const begin = () => requestAnimationFrame(() => void frame());
  if (awaited) begin();
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
  for (const [owner, { run, awaited }] of queue) {
    if (performance.now() - start >= (awaited ? AWAITED_MS : LIVE_MS)) break;
    queue.delete(owner);
    try {
      run();
    } catch (error) {
      reportError(error); // of one chart: the others are drawn all the same
    }
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
