// All lines of a chart in their faded state, kept while a run is lit: the pointer that goes from line to line has one
// line drawn, and not all of them.
import type { Frame } from "./draw";

export class Layer {
  private canvas: HTMLCanvasElement | null = null;
  private key = "";
  private curves: unknown = null;

  /** Puts the layer on the frame; `draw` fills it where it is not of these curves and this view. */
  put(frame: Frame, curves: unknown, draw: (frame: Frame) => void): void {
    const left = Math.floor(frame.left);
    const top = Math.floor(frame.top);
    const width = Math.max(1, Math.ceil(frame.left + frame.width) - left);
    const height = Math.max(1, Math.ceil(frame.top + frame.height) - top);
    const key = [frame.view, left, top, width, height].join(" ");
    this.canvas ??= document.createElement("canvas");
    if (key !== this.key || curves !== this.curves) {
      this.canvas.width = width; // which empties it
      this.canvas.height = height;
      const context = this.canvas.getContext("2d");
      if (!context) return;
      context.setTransform(1, 0, 0, 1, -left, -top);
      draw({ ...frame, context });
      this.key = key;
      this.curves = curves;
    }
    frame.context.drawImage(this.canvas, left, top);
  }

  /** Gives its memory back, now and not with the collector. */
  drop(): void {
    if (this.canvas) this.canvas.width = this.canvas.height = 0;
    this.canvas = this.curves = null;
    this.key = "";
  }
}
