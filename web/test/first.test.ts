import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Named, Opening } from "../src/api/types";

const post = vi.fn();
vi.mock("../src/api/client", () => ({ postBytes: post }));

type First = typeof import("../src/charts/first");

const scalars = (...names: string[]) => names.map((name) => ({ name, kind: "scalar" }) as Named);
const many = scalars(...Array.from({ length: 40 }, (_, at) => `g${Math.floor(at / 20)}/m${at % 20}`));

function opening(metrics: Named[], ...uuids: string[]): Opening {
  return { runs: uuids.map((uuid) => ({ uuid })), metrics, total: uuids.length } as unknown as Opening;
}

interface Asked {
  series: { run: string; metric: string }[];
}

describe("the first charts", () => {
  let first: First;
  let kept: string | null;
  beforeEach(async () => {
    vi.resetModules();
    vi.useFakeTimers();
    kept = null;
    vi.stubGlobal("window", { setTimeout, localStorage: { getItem: () => kept } });
    vi.stubGlobal("requestAnimationFrame", () => 0);
    post.mockReset();
    post.mockReturnValue(new Promise(() => undefined));
    first = await import("../src/charts/first");
  });
  const query = (text = "") => new URLSearchParams(text);
  const asked = () => (post.mock.lastCall?.[1] as Asked).series;

  it("are asked for at once, a dozen of the first section", () => {
    first.expect("p", opening(many, "a"), query());
    expect(asked()).toEqual(Array.from({ length: 12 }, (_, at) => ({ run: "a", metric: `g0/m${at}` })));
  });
  it("are those that are pinned, and none that is hidden", () => {
    expect(first.firstNames("p", many, query("pin=g1/m3&off=g0/m0")).slice(0, 2)).toEqual(["g1/m3", "g0/m1"]);
    kept = "g1/m5\ng0/m0\n";
    expect(first.firstNames("p", many, query()).slice(0, 2)).toEqual(["g1/m5", "g0/m1"]);
  });
  it("are not asked for where the address wants them in another way, or too many runs are laid over", () => {
    for (const text of ["z=1:2", "s=0.9", "x=wall", "by=config/lr", "q=loss", "card=loss"])
      first.expect("p", opening(many, "a"), query(text));
    first.expect("p", opening(many), query());
    first.expect("p", opening(many, "a", "b", "c", "d", "e", "f"), query());
    expect(post).not.toHaveBeenCalled();
  });
  it("are taken by the charts of these runs alone, and once", () => {
    first.expect("p", opening(many, "a", "b"), query());
    expect(first.expected(["a"])).toBeNull();
    const store = first.expected(["b", "a"]);
    expect(store).not.toBeNull();
    first.taken(store!);
    expect(first.expected(["a", "b"])).toBeNull();
  });
  it("are forgotten when no chart comes for them", () => {
    first.expect("p", opening(many, "a"), query());
    vi.advanceTimersByTime(10_000);
    expect(first.expected(["a"])).toBeNull();
  });
});
