// What is upright, made pixel by pixel: bands and clouds are bars in the columns of a chart. A canvas takes half as long again
// for a path of as many bars where no GPU draws; where one draws, this is one upload. Slanting lines stay paths: made here
// they cost no less.

const TILE = 16; // columns turned into rows at once: as many cache lines

/**
 * Of the canvas's device pixels those from `left` and `top` on, kept column by column. One sheet is enough for all
 * charts: they are drawn one after the other.
 */
export class Sheet {
  private left = 0;
  private top = 0;
  private width = 0;
  private height = 0;
  /** The rows that have anything: from the first to before the end. */
  private first = 0;
  private end = 0;
  /** As a canvas has them: red in the low bits, colours multiplied by their opacity. */
  private pixels = new Uint32Array(0);
  private image: ImageData | null = null;
  private canvas: HTMLCanvasElement | null = null;
  /** A pixel of the ink in hand that is covered by so much. */
  private readonly shades = new Uint32Array(256);

  /** An empty sheet of that place. */
  begin(left: number, top: number, width: number, height: number): this {
    Object.assign(this, { left, top, width, height, first: height, end: 0 });
    const size = width * height;
    if (this.pixels.length < size) this.pixels = new Uint32Array(size);
    else this.pixels.fill(0, 0, size);
    return this;
  }

  /** What is drawn next is of this colour (#rrggbb) and opacity. */
  ink(colour: string, alpha: number): void {
    const value = Number.parseInt(colour.slice(1), 16);
    const red = value >> 16;
    const green = (value >> 8) & 0xff;
    const blue = value & 0xff;
    for (let covered = 0; covered < 256; covered += 1) {
      const part = (alpha * covered) / 255;
      const low = Math.round(red * part) | (Math.round(green * part) << 8);
      this.shades[covered] = low | (Math.round(blue * part) << 16) | (Math.round(255 * part) << 24);
    }
  }

  /** One column of the ink from one height to another. */
  bar(column: number, from: number, to: number): void {
    const above = Math.max(0, from - this.top);
    const below = Math.min(this.height, to - this.top);
    if (!(above < below)) return;
    const { pixels, shades } = this;
    const at = column * this.height;
    const row = Math.floor(above);
    const last = Math.floor(below);
    if (row < this.first) this.first = row;
    if (last >= this.end) this.end = Math.min(this.height, last + 1);
    if (row === last) {
      pixels[at + row] = over(pixels[at + row]!, shades[Math.round(255 * (below - above))]!);
      return;
    }
    pixels[at + row] = over(pixels[at + row]!, shades[Math.round(255 * (row + 1 - above))]!);
    const full = shades[255]!;
    for (let place = at + row + 1; place < at + last; place += 1) pixels[place] = over(pixels[place]!, full);
    const part = Math.round(255 * (below - last));
    if (part > 0) pixels[at + last] = over(pixels[at + last]!, shades[part]!);
  }

  /** A pixel, by its column and row; whatever was in it goes. */
  dot(column: number, row: number, covered: number): void {
    this.pixels[column * this.height + row] = this.shades[covered]!;
    if (row < this.first) this.first = row;
    if (row >= this.end) this.end = row + 1;
  }

  /** Onto a canvas, over what is there. */
  put(context: CanvasRenderingContext2D): void {
    const { width, height, first, end, left, top } = this;
    const high = end - first;
    if (high <= 0) return;
    this.canvas ??= document.createElement("canvas");
    if (this.canvas.width < width || this.canvas.height < height) {
      this.canvas.width = Math.max(this.canvas.width, width);
      this.canvas.height = Math.max(this.canvas.height, height);
      this.image = null;
    }
    const own = this.canvas.getContext("2d");
    if (!own) return;
    this.image ??= own.createImageData(this.canvas.width, this.canvas.height);
    this.rows(new Uint32Array(this.image.data.buffer), this.image.width);
    own.putImageData(this.image, 0, 0, 0, first, width, high);
    context.globalAlpha = 1;
    context.drawImage(this.canvas, 0, first, width, high, left, top + first, width, high);
  }

  /** The rows that have anything, in their places, the colours not multiplied any more. */
  rows(into: Uint32Array, stride: number): void {
    const { width, height, pixels, first, end } = this;
    for (let tile = 0; tile < width; tile += TILE) {
      const stop = Math.min(width, tile + TILE);
      for (let row = first; row < end; row += 1) {
        let from = tile * height + row;
        for (let place = row * stride + tile; place < row * stride + stop; place += 1) {
          const pixel = pixels[from]!;
          from += height;
          const alpha = pixel >>> 24;
          into[place] = alpha === 0 || alpha === 255 ? pixel : divided(pixel, alpha);
        }
      }
    }
  }
}

export const sheet = new Sheet();

/** One pixel on another, both multiplied by their opacity. */
function over(under: number, upper: number): number {
  if (under === 0) return upper;
  const left = 256 - ((upper >>> 24) + (upper >>> 31)); // of 256
  const even = ((Math.imul(under & 0xff00ff, left) + 0x800080) >>> 8) & 0xff00ff;
  const odd = (Math.imul((under >>> 8) & 0xff00ff, left) + 0x800080) & 0xff00ff00;
  return (upper + (even | odd)) >>> 0;
}

const WHOLE = Uint32Array.from({ length: 256 }, (_, alpha) =>
  alpha ? Math.round((255 * 65536) / alpha) : 0,
);

function divided(pixel: number, alpha: number): number {
  const times = WHOLE[alpha]!;
  const red = (Math.imul(pixel & 0xff, times) + 0x8000) >>> 16;
  const green = (Math.imul((pixel >>> 8) & 0xff, times) + 0x8000) >>> 16;
  const blue = (Math.imul((pixel >>> 16) & 0xff, times) + 0x8000) >>> 16;
  return (
    (Math.min(red, 255) | (Math.min(green, 255) << 8) | (Math.min(blue, 255) << 16) | (alpha << 24)) >>> 0
  );
}
