import { describe, expect, it } from "vitest";
import { Screen } from "../src/console/screen";

function shown(...pieces: string[]): string[] {
  const screen = new Screen(0, 1);
  pieces.forEach((piece, index) => screen.feed(piece, index + 1));
  return screen.lines().map((line) => line.text);
}

describe("a run's output", () => {
  it.each([
    ["lines", ["a\nb\n"], ["a", "b"]],
    ["a progress bar that rewrites its line", ["10%", "\r50%", "\r100%\n", "done\n"], ["100%", "done"]],
    ["a shorter text over a longer one", ["loading\rok"], ["okading"]],
    ["erasing to the end of the line", ["loading\r\x1b[Kok"], ["ok"]],
    ["going up a line", ["one\ntwo\x1b[A\rONE\n"], ["ONE", "two"]],
    ["backspaces", ["ab\b\bX"], ["Xb"]],
    ["a window title", ["\x1b]0;title\x07text"], ["text"]],
    ["markup, which is only text", ["<img onerror=alert(1)>\n"], ["<img onerror=alert(1)>"]],
  ])("shows %s", (_, pieces, lines) => expect(shown(...pieces)).toEqual(lines));

  it("keeps colours with their text", () => {
    const screen = new Screen(0, 1);
    screen.feed("\x1b[1;31mbad\x1b[0m fine", 1);
    expect(screen.lines()[0]?.spans).toEqual([
      { text: "bad", style: "fg-red bold" },
      { text: " fine", style: "" },
    ]);
  });
});
