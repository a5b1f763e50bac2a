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

  it("leaves a frame to the layout, unless that is done", async () => {
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
  it("goes on in the next frame once a few milliseconds are over, and then says that all is drawn", async () => {
    const drawn: number[] = [];
    const end = vi.fn();
    for (const chart of [1, 2, 3])
      pump.pump(
        {},
        () => {
          drawn.push(chart);
          now += 4;
        },
        true,
      );
    pump.pumped(end);
    await frame();
    expect(drawn).toEqual([1, 2]);
    expect(end).not.toHaveBeenCalled();
    await frame();
    expect(drawn).toEqual([1, 2, 3]);
    expect(end).toHaveBeenCalledTimes(1);
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
