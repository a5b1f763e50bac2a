import { beforeEach, describe, expect, it, vi } from "vitest";

type Shown = typeof import("../src/charts/shown");

describe("what can wait until the page shows something", () => {
  let page: Shown;
  beforeEach(async () => {
    vi.resetModules();
    vi.useFakeTimers();
    vi.stubGlobal("window", { setTimeout });
    page = await import("../src/charts/shown");
  });

  it("runs then, once, and what comes later at once", () => {
    const job = vi.fn();
    page.onceShown(job);
    expect(job).not.toHaveBeenCalled();
    page.shown();
    page.shown();
    expect(job).toHaveBeenCalledTimes(1);
    const later = vi.fn();
    page.onceShown(later);
    expect(later).toHaveBeenCalledTimes(1);
  });
  it("does not run where it was called off", () => {
    const job = vi.fn();
    page.onceShown(job)();
    page.shown();
    expect(job).not.toHaveBeenCalled();
  });
  it("waits no longer than two seconds from the page's beginning", () => {
    const job = vi.fn();
    page.onceShown(job);
    vi.advanceTimersByTime(2_000);
    expect(job).toHaveBeenCalledTimes(1);
  });
});
