import { useState } from "react";
import { matcher } from "../format/names";
import { Popover } from "../parts/Popover";

interface Props {
  fields: string[];
  metrics: string[];
  chosen: string[];
  /** Null: what the page suggests. */
  onChange: (columns: string[] | null) => void;
}

const SHOWN = 200;

export function ColumnPicker({ fields, metrics, chosen, onChange }: Props) {
  const [search, setSearch] = useState("");
  const every = [...fields, ...metrics.map((name) => `metric/${name}`)];
  const found = every.filter(matcher(search));
  const flip = (id: string) =>
    onChange(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <Popover label={`Columns (${chosen.length})`}>
      <input
        type="search"
        placeholder={`Search ${every.length} columns`}
        aria-label="Search columns"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul className="checks">
        {found.slice(0, SHOWN).map((id) => {
          const [kind, ...rest] = id.split("/");
          return (
            <li key={id}>
              <label>
                <input type="checkbox" checked={chosen.includes(id)} onChange={() => flip(id)} />
                <span className="dim">{kind}</span> {rest.join("/")}
              </label>
            </li>
          );
        })}
      </ul>
      {found.length > SHOWN && <p className="dim">{found.length - SHOWN} more: search to narrow</p>}
      <div className="row">
        <button type="button" className="inline" onClick={() => onChange(null)}>
          suggested
        </button>
        <button type="button" className="inline" onClick={() => onChange([])}>
          none
        </button>
      </div>
    </Popover>
  );
}
