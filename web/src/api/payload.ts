// The binary answer of /series and /heatmap: a JSON header, then arrays looked at in place (query/payload.py).

export type Column = Float64Array | Float32Array | Uint32Array | Uint16Array;

export interface Decoded<Body> {
  body: Body;
  arrays: Column[];
}

const KINDS = { f64: Float64Array, f32: Float32Array, u32: Uint32Array, u16: Uint16Array };

export function decode<Body>(buffer: ArrayBuffer): Decoded<Body> {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text) as { body: Body; arrays: [keyof typeof KINDS, number, number][] };
  const start = 4 + length;
  const arrays = header.arrays.map(([kind, items, offset]) => new KINDS[kind](buffer, start + offset, items));
  return { body: header.body, arrays };
}
