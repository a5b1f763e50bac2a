import { ending } from "../format/names";

/** A long name keeps its end where there is no room for all of it: runs of a sweep differ there. */
export function Ended({ text, from = ending(text) }: { text: string; from?: number }) {
  if (from <= 0) return <span className="cut">{text}</span>;
  return (
    <span className="ended">
      <span className="cut">{text.slice(0, from)}</span>
      <span className="cut end">{text.slice(from)}</span>
    </span>
  );
}
