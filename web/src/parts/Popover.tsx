import { useEffect, useRef, useState, type ReactNode } from "react";

/** A button and what it opens; Escape, a click elsewhere or the button closes it. */
export function Popover({
  label,
  children,
}: {
  label: ReactNode;
  children: ReactNode | ((close: () => void) => ReactNode);
}) {
  const [open, setOpen] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !host.current?.contains(event.target)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      host.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div className="popover" ref={host}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {label}
        <svg viewBox="0 0 10 6" width="10" height="6" aria-hidden="true" className="chevron">
          <path d="M1 1l4 4 4-4" />
        </svg>
      </button>
      {open && (
        <div className="popover-body">
          {typeof children === "function" ? children(() => setOpen(false)) : children}
        </div>
      )}
    </div>
  );
}
