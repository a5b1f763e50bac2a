import type { Theme } from "../theme/theme";
import type { Rows } from "./codes";
import { columnRows, type Heat } from "./columns";

const STOPS: Record<Theme, number[][]> = {
  light: [
    [255, 255, 255],
    [196, 226, 230],
    [88, 171, 182],
    [25, 107, 122],
    [9, 46, 66],
  ],
  dark: [
    [23, 27, 33],
    [19, 62, 78],
    [24, 122, 136],
    [94, 196, 190],
    [228, 250, 226],
  ],
};

/** 256 colours from nothing to most. */
export function ramp(theme: Theme): Uint32Array {
  const stops = STOPS[theme];
  const colours = new Uint32Array(256);
  for (let index = 0; index < 256; index += 1) {
    const at = (index / 255) * (stops.length - 1);
    const from = Math.min(stops.length - 2, Math.floor(at));
    const part = at - from;
    const mix = (channel: number) =>
      Math.round(stops[from]![channel]! * (1 - part) + stops[from + 1]![channel]! * part);
    colours[index] = ((255 << 24) | (mix(2) << 16) | (mix(1) << 8) | mix(0)) >>> 0;
  }
  return colours;
}

export interface Painted {
  canvas: HTMLCanvasElement;
  /** The share (or count) that the strongest colour stands for. */
  most: number;
}

/** One pixel a column and row; the chart stretches it without smoothing. By share of the column, or log of the count. */
export function paint(data: Heat, rows: Rows, theme: Theme, byCount: boolean): Painted {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, data.columns);
  canvas.height = rows.count;
  const context = canvas.getContext("2d");
  const values = new Float64Array(data.columns * rows.count);

  for (let column = 0; column < data.columns; column += 1) {
    const counts = columnRows(data, rows, column);
    let total = 0;
    for (const count of counts) total += count;
    for (let row = 0; row < rows.count; row += 1) {
      const value = byCount ? counts[row]! : total ? counts[row]! / total : 0;
      values[row * data.columns + column] = value;
    }
  }
  const most = strong(values);
  if (context && most > 0) {
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = ramp(theme);
    const scale = byCount ? Math.log1p(most) : most;
    for (let row = 0; row < rows.count; row += 1) {
      const line = (rows.count - 1 - row) * data.columns;
      for (let column = 0; column < data.columns; column += 1) {
        const value = values[row * data.columns + column]!;
        const level = Math.min(1, byCount ? Math.log1p(value) / scale : value / scale);
        // What is there at all is never the colour of nothing.
        const index = value > 0 ? Math.max(14, Math.round(level * 255)) : 0;
        pixels[line + column] = value > 0 ? colours[index]! : 0;
      }
    }
    context.putImageData(image, 0, 0);
  }
  return { canvas, most };
}

/** What the strongest colour stands for: a step where all values are alike must not pale all others. */
function strong(values: Float64Array): number {
  const there = values.filter((value) => value > 0).sort();
  return there.length ? there[Math.floor(0.985 * (there.length - 1))]! : 0;
}
