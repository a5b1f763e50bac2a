/** Names by the part in which they differ: common head and tail are left out at word borders. */
export function distinct(names: string[]): string[] {
  if (names.length < 2) return names;
  const first = names[0] ?? "";
  let head = 0;
  while (head < first.length && names.every((name) => name[head] === first[head])) head += 1;
  let tail = 0;
  const shortest = Math.min(...names.map((name) => name.length));
  while (tail < shortest - head && names.every((name) => name.at(-1 - tail) === first.at(-1 - tail)))
    tail += 1;
  while (head > 0 && /[\p{L}\p{N}.]/u.test(first[head - 1] ?? "")) head -= 1;
  while (tail > 0 && /[\p{L}\p{N}.]/u.test(first.at(-tail) ?? "")) tail -= 1;
  if (head < 4) head = 0;
  if (tail < 4) tail = 0;
  return names.map((name) => {
    const middle = name.slice(head, name.length - tail);
    return middle ? `${head ? "…" : ""}${middle}${tail ? "…" : ""}` : name;
  });
}

const LONG = 28; // characters; what is shorter is seldom cut
const ENDING = 22;

/** Where the part of a long name begins that stays when the name is cut: at a word border near its end. 0: nowhere. */
export function ending(name: string): number {
  if (name.length <= LONG) return 0;
  const from = name.length - ENDING;
  const border = name.slice(from).search(/[-_/.:, ]/);
  return border < 0 || border > ENDING - 4 ? 0 : from + border;
}

export interface Group {
  prefix: string;
  names: string[];
}

/** By what stands before the last slash; groups and names in natural order, those without a slash first. */
export function groups(names: string[]): Group[] {
  const found = new Map<string, string[]>();
  for (const name of names) {
    const prefix = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    const members = found.get(prefix);
    if (members) members.push(name);
    else found.set(prefix, [name]);
  }
  const order = new Intl.Collator("en", { numeric: true });
  return [...found]
    .map(([prefix, members]) => ({ prefix, names: members.sort(order.compare) }))
    .sort((a, b) => order.compare(a.prefix, b.prefix));
}

/** What a search box takes: words that must all be there, in any case; `*` and `?` match as in a shell. */
export function matcher(search: string): (name: string) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = words.map((word) => {
    if (!/[*?]/.test(word)) return (name: string) => name.includes(word);
    const pattern = word
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    const expression = new RegExp(pattern);
    return (name: string) => expression.test(name);
  });
  return (name) => tests.every((test) => test(name.toLowerCase()));
}
