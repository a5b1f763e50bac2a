import { useState } from "react";
import { matcher } from "../format/names";
import { Popover } from "../parts/Popover";
import { columnOf, OFFERED, type ColumnNames } from "./columns";

interface Props {
  names: ColumnNames;
  chosen: string[];
  group: string;
  /** Null: what the page suggests. */
  onChange: (columns: string[] | null) => void;
  onGroup: (id: string | null) => void;
}

const SHOWN = 200;

/** Which columns there are, those shown first; and the one that rows are grouped by. */
export function ColumnPicker({ names, chosen, group, onChange, onGroup }: Props) {
  const [search, setSearch] = useState("");
  const differs = new Set(names.fields.filter(([, yes]) => yes).map(([key]) => key));
  const offered = [
    ...chosen,
    ...OFFERED,
    ...[...names.fields].sort((a, b) => Number(b[1]) - Number(a[1])).map(([key]) => key),
    ...names.metrics.map((name) => `metric/${name}`),
  ];
  const every = [...new Set(offered)];
  const found = every.filter(matcher(search));
  const flip = (id: string) =>
    onChange(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <>
      <Popover label={`Columns (${chosen.length})`}>
        <input
          type="search"
          autoFocus
          placeholder={`Search ${every.length.toLocaleString("en")} columns`}
          aria-label="Search columns"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <ul className="checks">
          {found.slice(0, SHOWN).map((id) => {
            const { kind, title } = columnOf(id);
            return (
              <li key={id}>
                <label>
                  <input type="checkbox" checked={chosen.includes(id)} onChange={() => flip(id)} />
                  <span className="grow wrap">
                    {kind && <span className="dim">{kind} </span>}
                    {title}
                  </span>
                  {differs.has(id) && <span className="badge">differs</span>}
                </label>
              </li>
            );
          })}
        </ul>
        {found.length > SHOWN && (
          <p className="dim">{(found.length - SHOWN).toLocaleString("en")} more: search to narrow</p>
        )}
        {!found.length && <p className="dim">nothing matches</p>}
        <div className="row">
          <button type="button" className="inline" onClick={() => onChange(null)}>
            suggested
          </button>
          <button type="button" className="inline" onClick={() => onChange([])}>
            none
          </button>
          {search && found.length > 0 && found.length <= SHOWN && (
            <button
              type="button"
              className="inline"
              onClick={() => onChange([...new Set([...chosen, ...found])])}
            >
              all {found.length} found
            </button>
          )}
        </div>
      </Popover>
      <Popover label={group ? `Group: ${columnOf(group).title}` : "Group"}>
        <ul className="candidates">
          {[null, "state", "user", "group", ...names.fields.filter(([, yes]) => yes).map(([key]) => key)].map(
            (id) => (
              <li key={id ?? ""}>
                <button type="button" aria-pressed={(id ?? "") === group} onClick={() => onGroup(id)}>
                  {id === null ? (
                    <span className="dim">no groups</span>
                  ) : (
                    <span className="cut">
                      {columnOf(id).kind && <span className="dim">{columnOf(id).kind} </span>}
                      {columnOf(id).title}
                    </span>
                  )}
                </button>
              </li>
            ),
          )}
        </ul>
      </Popover>
    </>
  );
}
