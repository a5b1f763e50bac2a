// Made once each: toLocaleString makes one at every call, which is most of what a tick label costs.
const formats = new Map<number, Intl.NumberFormat>();

function fixed(value: number, decimals: number): string {
  let format = formats.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat("en", { maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  return format.format(value);
}

/** 1,234,567 */
export function whole(value: number): string {
  return fixed(value, 0);
}

const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Five significant digits, short: 0.0012345, 12,345, 1.2×10⁻⁷. */
export function number(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined) return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return minus(whole(value));
  if (size >= 1e15 || size < 1e-4) {
    const [mantissa = "", exponent = "0"] = value.toExponential(Math.max(0, digits - 2)).split("e");
    const power = Math.abs(Number(exponent))
      .toString()
      .replace(/\d/g, (digit) => SUPER[Number(digit)] ?? "");
    return `${minus(trim(mantissa))}×10${exponent.startsWith("-") ? "⁻" : ""}${power}`;
  }
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return minus(fixed(value, decimals));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function minus(text: string): string {
  return text.replace("-", "−");
}

/** 4,200,000 as "4.2 M". */
export function count(value: number): string {
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const) {
    if (value >= size) return `${trim((value / (unit === "k" ? 1e3 : size)).toFixed(1))} ${unit}`;
  }
  return Number.isInteger(value) ? whole(value) : fixed(value, 3);
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : trim(value.toFixed(1))} ${units[unit]}`;
}

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}
