// How large a plot is to be. The browser says so once it has laid the page out; to ask an element would have it do that
// at once, for each chart anew.

export interface Size {
  width: number;
  height: number;
}

const LEAST: Size = { width: 120, height: 80 };

/** Calls `on` once the element has a size, and when it gets another. Returns what ends that. */
export function watchSize(element: HTMLElement, on: (size: Size) => void): () => void {
  const resized = new ResizeObserver(([entry]) => {
    if (entry) on(atLeast(entry.contentRect.width, entry.contentRect.height));
  });
  resized.observe(element);
  return () => resized.disconnect();
}

export function sizeNow(element: HTMLElement): Size {
  return atLeast(element.clientWidth, element.clientHeight);
}

/** uPlot draws anew whenever it is told a size, be it the one it has. */
export function fit(
  plot: { width: number; height: number; setSize: (size: Size) => void },
  size: Size,
): void {
  if (plot.width !== size.width || plot.height !== size.height) plot.setSize(size);
}

function atLeast(width: number, height: number): Size {
  return {
    width: Math.max(LEAST.width, Math.round(width)),
    height: Math.max(LEAST.height, Math.round(height)),
  };
}
