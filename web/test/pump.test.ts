import { beforeEach, describe, expect, it, vi } from "vitest";

type Pump = typeof import("../src/charts/pump");

describe("the pump of redraws", () => {
  let pump: Pump;
  let frames: (() => void)[];
  let now: number;
  const frame = async () => {
    const callbacks = frames;
    frames = [];
    for (const one of callbacks) one();
    await vi.advanceTimersByTimeAsync(0);
  };
  beforeEach(async () => {
    vi.resetModules();
    vi.useFakeTimers();
    frames = [];
    now = 0;
    vi.stubGlobal("window", { setTimeout });
    vi.stubGlobal("performance", { now: () => now });
    vi.stubGlobal("requestAnimationFrame", (callback: () => void) => frames.push(callback));
    pump = await import("../src/charts/pump");
  });

  it("leaves a frame to the layout, unless someone waits for the chart", async () => {
    const job = vi.fn();
    pump.pump({}, job);
    await frame();
    expect(job).not.toHaveBeenCalled();
    await frame();
    expect(job).toHaveBeenCalledTimes(1);
    pump.pump({}, job, true);
    await frame();
    expect(job).toHaveBeenCalledTimes(2);
  });
  const draws = (charts: number[], ms: number, awaited: boolean) => {
    const drawn: number[] = [];
    for (const chart of charts)
      pump.pump(
        {},
        () => {
          drawn.push(chart);
          now += ms;
        },
        awaited,
      );
    return drawn;
  };
  it("goes on in the next frame once a few milliseconds are over, and then says that all is drawn", async () => {
    const drawn = draws([1, 2, 3], 4, true);
    const end = vi.fn();
    pump.pumped(end);
    await frame();
    expect(drawn).toEqual([1, 2]);
    expect(end).not.toHaveBeenCalled();
    await frame();
    expect(drawn).toEqual([1, 2, 3]);
    expect(end).toHaveBeenCalledTimes(1);
  });
  it("takes less of a frame for a live run than for someone who waits", async () => {
    const live = draws([1, 2, 3, 4, 5], 0.5, false);
    await frame();
    await frame();
    expect(live).toEqual([1, 2, 3]);
    const awaited = draws([6, 7, 8], 0.5, true);
    await frame();
    expect([live, awaited]).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7, 8],
    ]);
  });
  it("lets someone wait no longer because the run goes on", async () => {
    const job = vi.fn();
    const owner = {};
    draws([1, 2, 3], 1, true);
    pump.pump(owner, vi.fn(), true);
    pump.pump(owner, job);
    await frame();
    expect(job).toHaveBeenCalledTimes(1);
  });
  it("draws the others where one cannot be drawn, in this frame and in later ones, and says so", async () => {
    const [after, later, report] = [vi.fn(), vi.fn(), vi.fn()];
    vi.stubGlobal("reportError", report);
    const failed = new Error("no such curve");
    const fail = () => {
      throw failed;
    };
    pump.pump({}, fail, true);
    pump.pump({}, after, true);
    await frame();
    pump.pump({}, later, true);
    await frame();
    expect(after).toHaveBeenCalledTimes(1);
    expect(later).toHaveBeenCalledTimes(1);
    expect(report).toHaveBeenCalledExactlyOnceWith(failed);
  });
  it("forgets what was taken back and runs the latest of one owner alone", async () => {
    const [owner, other] = [{}, {}];
    const [first, second, gone] = [vi.fn(), vi.fn(), vi.fn()];
    pump.pump(owner, first, true);
    pump.pump(owner, second);
    pump.pump(other, gone);
    pump.unpump(other);
    await frame();
    expect([first, second, gone].map((one) => one.mock.calls.length)).toEqual([0, 1, 0]);
  });
});
