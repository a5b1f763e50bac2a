import { describe, expect, it } from "vitest";
import { curvesOf, groupsOf, machineOf, titleOf, type Figure } from "../src/views/useSystem";

function figure(device: string, metric: string, values: number[], more: Partial<Figure> = {}): Figure {
  const line = Float64Array.from(values);
  const time = Float64Array.from(values, (_, index) => 5000 * index);
  return { host: "node1", device, metric, samples: values.length, time, line, ...more };
}

describe("the machine's charts", () => {
  it("are one a metric of each kind of device, the host's first", () => {
    const figures = [
      figure("coretemp0", "temperature_c", [40]),
      figure("host", "cpu_percent", [1]),
      figure("nvidia0", "power_w", [300]),
      figure("nvidia1", "power_w", [310]),
      figure("nvidia0", "clock_mhz", [1700]),
    ];
    const groups = groupsOf({ shift: -1, figures });
    expect(groups.map(({ name }) => name)).toEqual(["host", "coretemp", "nvidia"]);
    expect(groups[2]!.charts.map(({ metric, figures }) => [metric, figures.length])).toEqual([
      ["clock_mhz", 1],
      ["power_w", 2],
    ]);
  });

  it.each([
    ["memory_used_bytes", [0, 3 * 2 ** 30], "GiB", 3],
    ["received_bytes_per_s", [1024, 2048], "KiB/s", 2],
    ["free_bytes", [0, 0], "B", 0],
    ["temperature_c.mem", [50, 60], "°C", 60],
    ["load_1m", [1, 2], "", 2],
  ])("say their unit: %s", (metric, values, unit, last) => {
    const { curves, unit: said } = curvesOf([figure("x0", metric, values)], -1, "light");
    expect([said, curves[0]!.series.line[1]]).toEqual([unit, last]);
    expect([...curves[0]!.x]).toEqual([0, 5]);
  });

  it("leave the unit out of their titles", () => {
    expect(
      ["memory_used_bytes", "read_bytes_per_s", "temperature_c.junction", "load_1m", "count"].map(titleOf),
    ).toEqual(["memory used", "read", "temperature · junction", "load 1m", "count"]);
  });

  it("scale a band with its line, and name the host where there are several", () => {
    const band = { low: Float64Array.of(0), high: Float64Array.of(4096) };
    const figures = [
      figure("disk", "free_bytes", [2048], band),
      figure("disk", "free_bytes", [2048], { ...band, host: "b" }),
    ];
    const { curves } = curvesOf(figures, 12, "dark");
    expect(curves.map(({ name }) => name)).toEqual(["node1 disk", "b disk"]);
    expect([curves[0]!.series.low![0], curves[0]!.series.line[0], curves[0]!.series.high![0]]).toEqual([
      0, 2, 4,
    ]);
  });

  it("are read from the service's answer", () => {
    const body = {
      shift: 10,
      series: [{ host: "h", device: "d", metric: "m", samples: 9, time: 0, line: 1, low: 1, high: 1 }],
    };
    const arrays = [
      ["f64", 1, 0],
      ["f32", 1, 8],
    ];
    const text = JSON.stringify({ body, arrays });
    const header = new TextEncoder().encode(text.padEnd(Math.ceil((text.length + 4) / 8) * 8 - 4));
    const buffer = new ArrayBuffer(4 + header.length + 16);
    new DataView(buffer).setUint32(0, header.length, true);
    new Uint8Array(buffer, 4).set(header);
    new Float64Array(buffer, 4 + header.length, 1)[0] = 77;
    new Float32Array(buffer, 12 + header.length, 1)[0] = 0.5;
    const machine = machineOf(buffer);
    expect([machine.shift, machine.figures[0]!.time[0], machine.figures[0]!.high![0]]).toEqual([10, 77, 0.5]);
  });
});
