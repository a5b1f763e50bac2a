import { describe, expect, it } from "vitest";
import type { Artifact } from "../src/api/types";
import { pictures } from "../src/views/pictures";

function artifact(files: string[], metadata: string, state = "complete"): Artifact {
  return {
    name: "samples",
    kind: "image",
    type: "image",
    state,
    version: null,
    aliases: [],
    parts: 0,
    parts_in: 0,
    step: 3,
    rank: 1,
    time: "",
    size: 0,
    files: files.map((path) => ({ path, size: 1, digest: `d${path}`, uri: "" })),
    metadata,
  };
}

describe("the pictures of a cell", () => {
  it("stand as they stood in the list, also beyond ten", () => {
    const names = ["10.png", "2.png", ...[0, 1, 3, 4, 5, 6, 7, 8, 9].map((n) => `${n}.png`)];
    const images = names.map((_, index) => ({ width: index + 1, height: 2, caption: `c${index}` }));
    const shown = pictures([artifact(names, JSON.stringify({ images }))]);
    expect(shown.map((one) => one.caption)).toEqual(images.map((one) => one.caption));
    expect(shown[10]!.address).toBe("api/v1/blobs/d10.png/image");
    expect(shown[10]!.width).toBe(11);
  });

  it.each(["", "{", "[]", '{"images": 3}', '{"images": [{"width": -1, "height": "x", "caption": {}}]}'])(
    "are drawn whatever is said of them: %s",
    (metadata) => {
      const [shown] = pictures([artifact(["0.png"], metadata)]);
      expect(shown).toMatchObject({ width: 1, height: 1, caption: "", rank: 1 });
    },
  );

  it("have no address while they are on their host", () => {
    expect(pictures([artifact(["0.png"], "{}", "staged")])[0]!.address).toBe("");
  });
});
