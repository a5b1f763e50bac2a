// What the run's machines did, as curves: one chart a metric, one line a device.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getBytes } from "../api/client";
import { decode, type Column } from "../api/payload";
import type { Curve, Range } from "../charts/curve";
import { CONTEXT, HUES } from "../theme/palette";
import type { Theme } from "../theme/theme";

export interface Figure {
  host: string;
  device: string;
  metric: string;
  samples: number;
  time: Column;
  line: Column;
  low?: Column;
  high?: Column;
}

export interface Machine {
  /** A bucket is 2^shift milliseconds; -1: single samples. */
  shift: number;
  figures: Figure[];
}

interface Wire {
  shift: number;
  series: {
    host: string;
    device: string;
    metric: string;
    samples: number;
    [array: string]: string | number;
  }[];
}

const EVERY_MS = 5_000;

export function useSystem(run: string, zoom: Range | null, live: boolean) {
  const view = zoom ? `&low=${Math.floor(zoom.min * 1000)}&high=${Math.ceil(zoom.max * 1000)}` : "";
  return useQuery({
    queryKey: ["system", run, view],
    queryFn: async ({ signal }) => machineOf(await getBytes(`system?run=${run}${view}`, signal)),
    placeholderData: keepPreviousData, // what was shown before a zoom stays until the answer is here
    refetchInterval: live ? EVERY_MS : false,
  });
}

export function machineOf(buffer: ArrayBuffer): Machine {
  const { body, arrays } = decode<Wire>(buffer);
  const figures = body.series.map((wire) => {
    const { host, device, metric, samples } = wire;
    const figure: Figure = { host, device, metric, samples, time: column("time"), line: column("line") };
    if ("low" in wire) Object.assign(figure, { low: column("low"), high: column("high") });
    return figure;
    function column(name: string): Column {
      return arrays[Number(wire[name])] ?? new Float64Array(0);
    }
  });
  return { shift: body.shift, figures };
}

export interface Group {
  name: string;
  charts: { metric: string; title: string; figures: Figure[] }[];
}

const HOST = ["host", "processes", "disk", "network"];

/** The machine itself first, then accelerators and sensors: of each kind of device the metrics that it has. */
export function groupsOf(machine: Machine): Group[] {
  const groups = new Map<string, Map<string, Figure[]>>();
  for (const figure of machine.figures) {
    const kind = HOST.includes(figure.device) ? figure.device : figure.device.replace(/\d+$/, "");
    const charts = groups.get(kind) ?? new Map<string, Figure[]>();
    groups.set(kind, charts);
    charts.set(figure.metric, [...(charts.get(figure.metric) ?? []), figure]);
  }
  const order = [...groups.keys()].sort((a, b) => placeOf(a) - placeOf(b) || a.localeCompare(b));
  return order.map((kind) => ({
    name: kind,
    charts: [...groups.get(kind)!.keys()].sort().map((metric) => ({
      metric,
      title: `${kind} ${metric}`,
      figures: groups.get(kind)!.get(metric)!,
    })),
  }));
}

function placeOf(kind: string): number {
  const place = HOST.indexOf(kind);
  return place < 0 ? HOST.length : place;
}

/** A metric without its unit, which the card says: "memory used", "temperature · junction". */
export function titleOf(metric: string): string {
  const [name = "", ...label] = metric.split(".");
  const words = name.replace(/_(bytes_per_s|bytes|percent|w|c|mhz|v|a|rpm)$/, "").replaceAll("_", " ");
  return label.length ? `${words} · ${label.join(".")}` : words;
}

/** One line a device, in units that people read: bytes by the power of 1024 that fits them all. */
export function curvesOf(figures: Figure[], shift: number, theme: Theme): { curves: Curve[]; unit: string } {
  const { by, unit } = scaleOf(figures);
  const hosts = new Set(figures.map((figure) => figure.host)).size > 1;
  const scaled = (column: Column) => (by === 1 ? column : Float64Array.from(column, (value) => value / by));
  const curves = figures.map((figure, place) => {
    const colour = HUES[theme][place] ?? CONTEXT[theme];
    const name = hosts ? `${figure.host} ${figure.device}` : figure.device;
    const series: Curve["series"] = {
      run: name,
      metric: figure.metric,
      shift,
      points: figure.samples,
      seen: figure.samples,
      unplaced: 0,
      ranks: 1,
      step: new Float64Array(0), // samples have none
      time: figure.time,
      line: scaled(figure.line),
    };
    if (figure.low && figure.high)
      Object.assign(series, { low: scaled(figure.low), high: scaled(figure.high) });
    const x = Float64Array.from(figure.time, (ms) => ms / 1000);
    return {
      run: name,
      dash: 0,
      name,
      colour,
      lit: colour,
      series,
      x,
      resumes: [],
      ordered: true,
      context: place >= HUES[theme].length,
    };
  });
  return { curves, unit };
}

const UNITS: Record<string, string> = {
  percent: "%",
  w: "W",
  c: "°C",
  mhz: "MHz",
  v: "V",
  a: "A",
  rpm: "rpm",
};
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

function scaleOf(figures: Figure[]): { by: number; unit: string } {
  const [name = ""] = (figures[0]?.metric ?? "").split(".");
  const rate = name.endsWith("_bytes_per_s") ? "/s" : "";
  if (!rate && !name.endsWith("_bytes")) return { by: 1, unit: UNITS[name.split("_").at(-1) ?? ""] ?? "" };
  let most = 0;
  for (const { line, high = line } of figures) for (const value of high) if (value > most) most = value;
  const power = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(most, 1)) / 10)));
  return { by: 1024 ** power, unit: `${SIZES[power]}${rate}` };
}
