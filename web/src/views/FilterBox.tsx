import { useRef, useState } from "react";
import { ApiError } from "../api/client";
import type { ColumnNames } from "./columns";
import { suggestions } from "./suggest";

/** Whether the service could not read the filter: a person's to mend, not the service's. */
export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}

interface Props {
  value: string;
  error: unknown;
  names: ColumnNames;
  onChange: (text: string) => void;
}

/** An expression for the service; where it cannot be read, the character at which reading stopped is marked. */
export function FilterBox({ value, error, names, onChange }: Props) {
  const [text, setText] = useState(value);
  const [cursor, setCursor] = useState<number | null>(null);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const refused = isRefusal(error) && text === value ? error : null;
  const offered = cursor === null ? [] : suggestions(text, cursor, names);
  const take = (index: number) => {
    const one = offered[index];
    if (!one || cursor === null) return;
    const next = text.slice(0, one.from) + one.text + text.slice(cursor);
    setText(next);
    setCursor(null);
    setAt(-1);
    const end = one.from + one.text.length;
    window.requestAnimationFrame(() => input.current?.setSelectionRange(end, end));
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (!offered.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      setAt((at + (event.key === "ArrowDown" ? 1 : offered.length) + offered.length) % offered.length);
    } else if (event.key === "Tab" || (event.key === "Enter" && at >= 0)) take(Math.max(0, at));
    else if (event.key === "Escape") setCursor(null);
    else return;
    event.preventDefault();
  };
  return (
    <form
      className="filter"
      onSubmit={(event) => {
        event.preventDefault();
        setCursor(null);
        onChange(text.trim());
      }}
    >
      <input
        ref={input}
        type="text"
        role="combobox"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        placeholder='Filter: config.lr > 1e-3 and summary["val/acc"] > 0.9'
        aria-label="Filter by expression, Enter applies it"
        aria-invalid={refused !== null}
        aria-expanded={offered.length > 0}
        aria-controls="filter-offers"
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 && offered.length ? `filter-offer-${at}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setCursor(event.target.selectionStart);
          setAt(-1);
        }}
        onKeyDown={onKey}
        onBlur={() => {
          setCursor(null);
          if (text.trim() !== value) onChange(text.trim());
        }}
      />
      {offered.length > 0 && (
        <ul id="filter-offers" role="listbox" aria-label="Names" className="offers">
          {offered.map((one, index) => (
            <li
              key={one.text}
              id={`filter-offer-${index}`}
              role="option"
              aria-selected={index === at}
              onPointerDown={(event) => {
                event.preventDefault();
                take(index);
              }}
            >
              {one.text}
            </li>
          ))}
        </ul>
      )}
      {refused && !offered.length && (
        <div className="filter-error" role="alert">
          <pre>{refused.message}</pre>
        </div>
      )}
    </form>
  );
}
