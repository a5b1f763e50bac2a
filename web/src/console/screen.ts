// What a terminal would show: progress bars keep their line, colours stay with their text.

export interface Span {
  text: string;
  style: string;
}

export interface Line {
  spans: Span[];
  text: string;
  ms: number;
  rank: number;
  stream: number;
}

interface Row {
  cells: string[];
  styles: string[];
  ms: number;
}

const PIECE =
  /\x1b\[([0-9;?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^[\]]|[\r\n\b]|[^\x1b\r\n\b]+|\x1b/gs; // eslint-disable-line no-control-regex
const COLUMNS_MAX = 1 << 14;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** One stream of one rank. Fed in order; lines above the cursor's reach never change again. */
export class Screen {
  private rows: Row[] = [{ cells: [], styles: [], ms: 0 }];
  private row = 0;
  private column = 0;
  private colour = "";
  private back = "";
  private attributes = new Set<string>();
  private style = "";

  constructor(
    readonly rank: number,
    readonly stream: number,
  ) {}

  feed(text: string, ms: number): void {
    for (const match of text.matchAll(PIECE)) {
      const [piece, parameters, final] = match;
      if (piece === "\n") this.down(ms);
      else if (piece === "\r") this.column = 0;
      else if (piece === "\b") this.column = Math.max(0, this.column - 1);
      else if (final !== undefined) this.control(final, parameters ?? "");
      else if (!piece.startsWith("\x1b")) this.write(piece, ms);
    }
  }

  lines(): Line[] {
    const rows = this.rows.at(-1)?.cells.length === 0 ? this.rows.slice(0, -1) : this.rows;
    return rows.map((row) => ({ ...spans(row), ms: row.ms, rank: this.rank, stream: this.stream }));
  }

  private write(text: string, ms: number): void {
    const row = this.rows[this.row]!;
    row.ms = ms;
    for (const character of text) {
      if (this.column >= COLUMNS_MAX) return;
      while (row.cells.length < this.column) {
        row.cells.push(" ");
        row.styles.push("");
      }
      row.cells[this.column] = character;
      row.styles[this.column] = this.style;
      this.column += 1;
    }
  }

  private down(ms: number): void {
    this.rows[this.row]!.ms ||= ms;
    this.row += 1;
    this.column = 0;
    if (this.row === this.rows.length) this.rows.push({ cells: [], styles: [], ms });
  }

  private control(final: string, parameters: string): void {
    const amount = Math.max(1, Number.parseInt(parameters, 10) || 1);
    const row = this.rows[this.row]!;
    if (final === "m") this.paint(parameters);
    else if (final === "K") this.erase(row, Number.parseInt(parameters, 10) || 0);
    else if (final === "A") this.row = Math.max(0, this.row - amount);
    else if (final === "B") this.row = Math.min(this.rows.length - 1, this.row + amount);
    else if (final === "C") this.column = Math.min(COLUMNS_MAX, this.column + amount);
    else if (final === "D") this.column = Math.max(0, this.column - amount);
    else if (final === "G") this.column = Math.min(COLUMNS_MAX, amount - 1);
  }

  private erase(row: Row, what: number): void {
    if (what === 0) {
      row.cells.length = Math.min(row.cells.length, this.column);
      row.styles.length = row.cells.length;
    } else if (what === 2) {
      row.cells.length = 0;
      row.styles.length = 0;
    } else {
      for (let index = 0; index <= this.column && index < row.cells.length; index += 1)
        row.cells[index] = " ";
    }
  }

  private paint(parameters: string): void {
    const codes = parameters === "" ? [0] : parameters.split(";").map(Number);
    for (let index = 0; index < codes.length; index += 1) {
      const code = codes[index]!;
      if (code === 0) {
        this.colour = this.back = "";
        this.attributes.clear();
      } else if (code === 1) this.attributes.add("bold");
      else if (code === 2) this.attributes.add("faint");
      else if (code === 3) this.attributes.add("italic");
      else if (code === 4) this.attributes.add("underline");
      else if (code === 22) ["bold", "faint"].forEach((name) => this.attributes.delete(name));
      else if (code === 23) this.attributes.delete("italic");
      else if (code === 24) this.attributes.delete("underline");
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
        this.colour = `fg-${NAMES[code % 10]}`;
      else if (code === 39) this.colour = "";
      else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
        this.back = `bg-${NAMES[code % 10]}`;
      else if (code === 49) this.back = "";
      else if (code === 38 || code === 48)
        index += codes[index + 1] === 5 ? this.indexed(code, codes[index + 2] ?? 0) : 4;
    }
    this.style = [this.colour, this.back, ...this.attributes].filter(Boolean).join(" ");
  }

  /** The first 16 of the 256 colours are the named ones; others are shown as plain text. */
  private indexed(code: number, colour: number): number {
    const name = colour < 16 ? NAMES[colour % 8] : undefined;
    if (code === 38) this.colour = name ? `fg-${name}` : "";
    else this.back = name ? `bg-${name}` : "";
    return 2;
  }
}

function spans(row: Row): { spans: Span[]; text: string } {
  const found: Span[] = [];
  row.cells.forEach((cell, index) => {
    const style = row.styles[index] ?? "";
    const last = found.at(-1);
    if (last?.style === style) last.text += cell;
    else found.push({ text: cell, style });
  });
  return { spans: found, text: row.cells.join("") };
}
