import { useState } from "react";
import { ApiError } from "../api/client";

/** Whether the service could not read the filter: a person's to mend, not the service's. */
export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}

interface Props {
  value: string;
  error: unknown;
  onChange: (text: string) => void;
}

/** An expression for the service; where it cannot be read, the character at which reading stopped is marked. */
export function FilterBox({ value, error, onChange }: Props) {
  const [text, setText] = useState(value);
  const refused = isRefusal(error) ? error : null;
  return (
    <form
      className="filter"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <input
        type="text"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        placeholder='Filter: config.lr > 1e-3 and summary["val/acc"] > 0.9'
        aria-label="Filter by expression, Enter applies it"
        aria-invalid={refused !== null}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => text.trim() !== value && onChange(text.trim())}
      />
      {refused && (
        <div className="filter-error" role="alert">
          <pre>{refused.message}</pre>
        </div>
      )}
    </form>
  );
}
