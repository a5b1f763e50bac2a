import { beforeEach, describe, expect, it, vi } from "vitest";
import { SeriesStore, type Asking } from "../src/charts/store";

const post = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", () => ({ postBytes: post }));

const PLAIN: Asking = {
  buckets: 64,
  smoothing: 0,
  view: () => null,
  x: null,
  members: () => null,
  median: false,
};

describe("the store of series", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("window", { setTimeout });
    post.mockReset();
  });

  it("asks again for what was on its way when it was closed, once charts want it again", async () => {
    const store = new SeriesStore(PLAIN);
    let answer: (bytes: ArrayBuffer) => void = () => undefined;
    post.mockReturnValueOnce(new Promise<ArrayBuffer>((resolve) => (answer = resolve)));
    const leave = store.subscribe("a-run", "loss", () => undefined);
    await vi.runAllTimersAsync();
    expect(post).toHaveBeenCalledTimes(1);
    leave();
    store.close();
    answer(new ArrayBuffer(0));
    await vi.runAllTimersAsync();

    post.mockReturnValue(new Promise(() => undefined));
    store.subscribe("a-run", "loss", () => undefined);
    await vi.runAllTimersAsync();
    expect(post).toHaveBeenCalledTimes(2);
  });

  it("tells of an answer also those who look only after it came", async () => {
    const store = new SeriesStore(PLAIN);
    post.mockRejectedValueOnce(new Error("the service is away"));
    store.subscribe("a-run", "loss", () => undefined);
    const drawn = store.version("a-run", "loss");
    await vi.runAllTimersAsync();
    expect(store.version("a-run", "loss")).toBeGreaterThan(drawn);
    expect(store.error("a-run", "loss")).toBe("the service is away");
    expect(store.version("a-run", "accuracy")).toBe(0);
  });
});
