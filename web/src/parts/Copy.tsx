import { useEffect, useState, type ReactNode } from "react";

/** Copies a text, and says so; where the browser forbids it (plain http from another host), says that. */
export function Copy({ text, label, children }: { text: string; label: string; children?: ReactNode }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = window.setTimeout(() => setSaid(""), 1600);
    return () => window.clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("copied");
    } catch {
      setSaid(byHand(text) ? "copied" : "select and copy it by hand");
    }
  };
  return (
    <button type="button" className="quiet copy" title={label} onClick={() => void copy()}>
      <span className="sr-only">{label}: </span>
      <span aria-live="polite">{said || children || "copy"}</span>
    </button>
  );
}

/** The clipboard of pages that are not https: by a selection. */
function byHand(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr-only";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
