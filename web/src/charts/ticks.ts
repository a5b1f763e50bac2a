// Ticks of logarithmic axes: round values that are really there, and the middle of the gutter under them.

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
  const even = evenTicks(min, max);
  return even.length ? even : [min];
}

/** Where the label of the gutter stands: between its bottom and the least value that is shown. */
export function gutterTick(bottom: number, floor: number): number {
  return Math.sqrt(bottom * floor);
}

/** Below this size a symlog axis is linear: the least value where all are of one sign, else a thousandth of the greatest. */
export function linearBelow(min: number, max: number): number {
  const most = Math.max(Math.abs(min), Math.abs(max));
  if (!(most > 0)) return 1;
  const least = min > 0 ? min : max < 0 ? -max : 0;
  return 10 ** Math.floor(Math.log10(Math.max(least, most / 1000)));
}

/** Zero and the decades on both sides of it, as many as there is room for; evenly spaced where there are too few. */
export function symlogTicks(min: number, max: number, linear: number): number[] {
  const place = (value: number) => Math.asinh(value / linear);
  const apart = (place(max) - place(min)) / MOST;
  const most = Math.ceil(Math.log10(Math.max(Math.abs(min), Math.abs(max)) / linear));
  const wanted = [0];
  for (const part of [1, 5, 2]) {
    for (let power = most; power >= 0; power -= 1) {
      const size = part * linear * 10 ** power;
      wanted.push(size, -size);
    }
  }
  const ticks: number[] = [];
  for (const tick of wanted) {
    const near = ticks.some((other) => Math.abs(place(other) - place(tick)) < apart);
    if (tick >= min && tick <= max && !near) ticks.push(Number(tick.toPrecision(12)));
  }
  return ticks.length > 2 ? ticks.sort((a, b) => a - b) : evenTicks(min, max);
}

function evenTicks(min: number, max: number): number[] {
  const step = 10 ** Math.floor(Math.log10(max - min));
  const by = [0.1, 0.2, 0.5, 1, 2].map((part) => part * step).find((one) => (max - min) / one <= 6) ?? step;
  const ticks: number[] = [];
  for (let tick = Math.ceil(min / by) * by; tick <= max; tick += by) ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

const DIGITS = 4; // of a label, where they tell the ticks apart
const DIGITS_MAX = 10;

/** How many significant digits labels need, so that no two ticks of a narrow range read the same. */
export function tickDigits(ticks: readonly (number | null)[]): number {
  const there = ticks.filter((tick) => tick !== null).sort((a, b) => a - b);
  let gap = Infinity;
  let most = 0;
  there.forEach((tick, index) => {
    most = Math.max(most, Math.abs(tick));
    if (index > 0 && tick > there[index - 1]!) gap = Math.min(gap, tick - there[index - 1]!);
  });
  if (!(most > 0) || gap === Infinity) return DIGITS;
  gap = Number(gap.toPrecision(3)); // as it was meant: 0.01, and not a bit less
  const power = Math.floor(Math.log10(gap));
  const own = String(Number((gap / 10 ** power).toPrecision(3))).replace(".", "").length; // 2.5 has a digit more than 2
  const needed = Math.floor(Math.log10(most)) - power + own;
  return Math.min(DIGITS_MAX, Math.max(DIGITS, needed));
}
