import { runPath, setParams, useParam } from "../address/location";
import { runName } from "../api/run";
import type { RunRow, State } from "../api/types";
import { groupKeys, SHOWN_AT_FIRST } from "../charts/choose";
import { useAtCursor } from "../charts/cursor";
import { light, useLit } from "../charts/lit";
import type { ShownRun } from "../charts/LineChart";
import { number } from "../format/number";
import { StateDot } from "../parts/StateDot";
import { Choice } from "./ChartTools";
import { CompareWith } from "./CompareWith";

interface Props {
  project: string;
  rows: RunRow[];
  /** All that were chosen to be laid over each other. */
  runs: ShownRun[];
  /** Those that the charts draw, or the groups. */
  shown: ShownRun[];
  /** How many runs the project has. */
  total: number;
  states: Record<string, State>;
}

const MANY = 8; // past so many, only the chosen are in colour

/** The runs in the charts as a table: by the value at the cursor while a chart is pointed at. */
export function Legend({ project, rows, runs, shown, total, states }: Props) {
  const [hidden] = useParam("hide", "");
  const [chosenText] = useParam("sel", "");
  const [by] = useParam("by", "");
  const away = new Set(hidden ? hidden.split(",") : []);
  const chosen = chosenText ? chosenText.split(",") : [];
  const cursor = useAtCursor();
  const others = rows.slice(1).map((row) => row.id);
  const turn = (name: string, list: string[], id: string) =>
    setParams(
      { [name]: (list.includes(id) ? list.filter((one) => one !== id) : [...list, id]).join(",") },
      true,
    );
  const drawn = new Map(shown.map((run) => [run.uuid, run]));
  const listed = by ? [] : rows.map((row, index) => ({ row, run: drawn.get(row.uuid) ?? runs[index]! }));
  const value = (uuid: string) => cursor?.values.get(uuid);
  if (cursor) listed.sort((a, b) => order(value(a.row.uuid)) - order(value(b.row.uuid)));
  const visible = listed.filter(({ row }) => drawn.has(row.uuid) || away.has(row.id));
  return (
    <div className="legend">
      <ShownOf shown={by ? rows.length : shown.length} total={rows.length - away.size} grouped={by !== ""} />
      <p className="legend-head" aria-hidden="true">
        <span className="cut">
          {cursor ? cursor.metric : rows.length > SHOWN_AT_FIRST ? "" : `${rows.length} runs`}
        </span>
        <span>{cursor ? "at cursor" : ""}</span>
      </p>
      <ul className="legend-rows">
        {by
          ? [...shown]
              .sort((a, b) => (cursor ? order(value(a.uuid)) - order(value(b.uuid)) : 0))
              .map((group) => <GroupRow key={group.uuid} group={group} value={value(group.uuid)} />)
          : visible.map(({ row, run }) => (
              <RunLine
                key={row.uuid}
                {...{ project, row, run }}
                state={states[row.uuid] ?? row.state}
                value={value(row.uuid)}
                off={away.has(row.id)}
                chosen={chosen.includes(row.id)}
                many={shown.length > MANY}
                own={row === rows[0]}
                onHide={() => turn("hide", [...away], row.id)}
                onChoose={() => turn("sel", chosen, row.id)}
                onRemove={() => setParams({ with: others.filter((id) => id !== row.id).join(",") })}
              />
            ))}
      </ul>
      <div className="legend-foot">
        {total > rows.length && <CompareWith project={project} rows={rows} />}
        <GroupBy rows={rows} />
      </div>
    </div>
  );
}

interface LineProps {
  project: string;
  row: RunRow;
  run: ShownRun;
  state: State;
  value: number | undefined;
  off: boolean;
  chosen: boolean;
  many: boolean;
  own: boolean;
  onHide: () => void;
  onChoose: () => void;
  onRemove: () => void;
}

function RunLine(props: LineProps) {
  const { project, row, run, state, value, off, chosen, many, own } = props;
  const lit = useLit() === row.uuid;
  const name = runName(row);
  return (
    <li
      className={`${lit ? "lit" : ""} ${off ? "off" : ""}`}
      onPointerEnter={() => light(row.uuid)}
      onPointerLeave={() => light(null)}
    >
      <button
        type="button"
        className="swatch-button"
        aria-pressed={!off}
        aria-label={`${off ? "Show" : "Hide"} ${name}`}
        title={off ? "show" : "hide"}
        onClick={props.onHide}
        onFocus={() => light(row.uuid)}
        onBlur={() => light(null)}
      >
        <i
          className="swatch"
          style={{ background: off ? "transparent" : run.colour, borderColor: run.colour }}
        />
      </button>
      <a className="cut" href={`#${runPath(project, row.id)}`} title={`${name} (${row.id})`}>
        {run.name}
      </a>
      {value === undefined ? (
        <StateDot state={state} />
      ) : (
        <span className="num value">{number(value, 4)}</span>
      )}
      <span className="row-tools">
        {many && !own && (
          <button
            type="button"
            className="quiet"
            aria-pressed={chosen}
            aria-label={`Keep ${name} in colour`}
            title={chosen ? "in colour: let it go" : "keep in colour"}
            onClick={props.onChoose}
          >
            {chosen ? "★" : "☆"}
          </button>
        )}
        {!own && (
          <button
            type="button"
            className="quiet"
            aria-label={`Take ${name} away`}
            title="take away"
            onClick={props.onRemove}
          >
            ×
          </button>
        )}
      </span>
    </li>
  );
}

function GroupRow({ group, value }: { group: ShownRun; value: number | undefined }) {
  const lit = useLit() === group.uuid;
  return (
    <li
      className={lit ? "lit" : ""}
      onPointerEnter={() => light(group.uuid)}
      onPointerLeave={() => light(null)}
    >
      <span className="swatch-button">
        <i className="swatch" style={{ background: group.colour, borderColor: group.colour }} />
      </span>
      <span className="cut" title={group.name}>
        {group.name}
      </span>
      {value !== undefined && <span className="num value">{number(value, 4)}</span>}
    </li>
  );
}

/** Never a silent cap. */
function ShownOf({ shown, total, grouped }: { shown: number; total: number; grouped: boolean }) {
  const [limit] = useParam("n", String(SHOWN_AT_FIRST));
  if (grouped || (shown >= total && (limit === String(SHOWN_AT_FIRST) || total <= SHOWN_AT_FIRST)))
    return null;
  const set = (next: string) => setParams({ n: next === String(SHOWN_AT_FIRST) ? null : next }, true);
  return (
    <p className="shown-of" role="status">
      <b>
        {shown.toLocaleString("en")} of {total.toLocaleString("en")} runs shown
      </b>
      {shown < total && (
        <button type="button" className="inline" onClick={() => set("all")}>
          Show all
        </button>
      )}
      {shown > SHOWN_AT_FIRST && (
        <button type="button" className="inline" onClick={() => set(String(SHOWN_AT_FIRST))}>
          Show {SHOWN_AT_FIRST}
        </button>
      )}
    </p>
  );
}

/** Runs with one value of a config key as one line. */
function GroupBy({ rows }: { rows: RunRow[] }) {
  const [by] = useParam("by", "");
  const [middle] = useParam("agg", "mean");
  const keys = groupKeys(rows);
  if (!keys.length && !by) return null;
  return (
    <div className="group-by">
      <label>
        <span className="dim">Group by</span>
        <select
          value={by}
          onChange={(event) => setParams({ by: event.target.value || null, z: null })}
          aria-label="Group runs by"
        >
          <option value="">nothing</option>
          {(keys.includes(by) || !by ? keys : [by, ...keys]).map((key) => (
            <option key={key} value={key}>
              {key.replace(/^config\//, "").replaceAll("~1", "/")}
            </option>
          ))}
        </select>
      </label>
      {by && (
        <Choice
          label="the line of a group"
          value={middle}
          options={{ mean: "Mean", median: "Median" }}
          onChange={(next) => setParams({ agg: next === "mean" ? null : next })}
        />
      )}
    </div>
  );
}

/** The greatest first; what is no number, or not there, comes last. */
function order(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? Infinity : -value;
}
