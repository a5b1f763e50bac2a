import type { ReactNode } from "react";

/** An empty, loading or failed place: what it is, and what to do. */
export function Note({ title, children, tone }: { title: string; children?: ReactNode; tone?: "error" }) {
  return (
    <div className={tone ? `note ${tone}` : "note"} role={tone ? "alert" : undefined}>
      <h2>{title}</h2>
      {children && <div>{children}</div>}
    </div>
  );
}

export function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <Note title="This could not be loaded." tone="error">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </Note>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="note loading" role="status">
      <span className="spinner" aria-hidden="true" /> {what}
    </div>
  );
}
