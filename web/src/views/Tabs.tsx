import { useLayoutEffect, useRef, type ReactNode } from "react";
import { setParams } from "../address/location";

interface Props {
  tabs: [name: string, title: string][];
  tab: string;
  /** What stands at their end. */
  children: ReactNode;
}

/** The views of a run. On a narrow screen they are wider than it is: the one that is open is brought into view. */
export function Tabs({ tabs, tab, children }: Props) {
  const nav = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const row = nav.current;
    const active = row?.querySelector<HTMLElement>("[aria-current]");
    if (row && active) row.scrollLeft = active.offsetLeft - (row.clientWidth - active.offsetWidth) / 2;
  }, [tab, tabs.length]);
  return (
    <nav className="tabs" aria-label="views of the run" ref={nav}>
      {tabs.map(([name, title]) => (
        <button
          key={name}
          type="button"
          aria-current={tab === name ? "page" : undefined}
          onClick={() => setParams({ tab: name === "charts" ? null : name })}
        >
          {title}
        </button>
      ))}
      {children}
    </nav>
  );
}
