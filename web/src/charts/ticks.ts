// Ticks of a logarithmic axis: round values that are really there, and the middle of the gutter under them.

const MOST = 9;

/** Decades, with 2 and 5 between where there is room; inside less than a decade, evenly spaced round values. */
export function logTicks(min: number, max: number): number[] {
  const low = Math.floor(Math.log10(min));
  const high = Math.ceil(Math.log10(max));
  const inside = (ticks: number[]) =>
    ticks.filter((tick) => tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9));
  const decades: number[] = [];
  for (let power = low; power <= high; power += 1) decades.push(10 ** power);
  const fine = inside(decades.flatMap((tick) => [tick, 2 * tick, 5 * tick]));
  if (fine.length > 2 && fine.length <= MOST) return fine;
  if (fine.length > MOST) {
    const coarse = inside(decades);
    const every = Math.ceil(coarse.length / MOST);
    return coarse.filter((_, index) => index % every === 0);
  }
  const step = 10 ** Math.floor(Math.log10(max - min));
  const scaled =
    [0.1, 0.2, 0.5, 1, 2].map((part) => part * step).find((one) => (max - min) / one <= 6) ?? step;
  const even: number[] = [];
  for (let tick = Math.ceil(min / scaled) * scaled; tick <= max; tick += scaled)
    even.push(Number(tick.toPrecision(12)));
  return even.length ? even : [min];
}

/** Where the label of the gutter stands: between its bottom and the least value that is shown. */
export function gutterTick(bottom: number, floor: number): number {
  return Math.sqrt(bottom * floor);
}
