import { useCallback, useMemo } from "react";
import { setParams, useParam } from "../address/location";
import { cardsOf, keepCards, listText, settingsText, type Cards, type CardSettings } from "../charts/cards";

const ADDRESS = ["pin", "off", "set"] as const;

/**
 * Pinned and hidden cards and their settings: in the address, so that a link shows them to others, and kept in this
 * browser for the project's other runs, which have the same metrics.
 */
export function useCards(project: string): [Cards, (change: (cards: Cards) => Cards) => void] {
  const [pin] = useParam("pin", "");
  const [off] = useParam("off", "");
  const [set] = useParam("set", "");
  const cards = useMemo(() => cardsOf(pin, off, set, project), [pin, off, set, project]);
  const change = useCallback(
    (how: (cards: Cards) => Cards) => {
      const next = how(cards);
      const texts = [listText(next.pinned), listText(next.hidden), settingsText(next.settings)];
      keepCards(project, texts);
      setParams(Object.fromEntries(ADDRESS.map((name, index) => [name, texts[index]!])), true);
    },
    [cards, project],
  );
  return [cards, change];
}

export function toggled(names: string[], name: string): string[] {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
}

export function withSettings(cards: Cards, metric: string, settings: CardSettings): Cards {
  const rest = Object.fromEntries(Object.entries(cards.settings).filter(([name]) => name !== metric));
  const some = Object.values(settings).some(
    (value) => value !== undefined && value !== false && !(Array.isArray(value) && !value.length),
  );
  return { ...cards, settings: some ? { ...rest, [metric]: settings } : rest };
}
