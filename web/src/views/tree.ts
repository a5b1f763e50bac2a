// Nested keys as rows of a table.

export interface Leaf {
  path: string[];
  /** One for each run; "" where it has none. */
  values: string[];
  differs: boolean;
}

export interface Row {
  id: string;
  name: string;
  depth: number;
  leaf: Leaf | null;
  open: boolean;
  /** Leaves below a branch. */
  size: number;
}

interface Branch {
  branches: Map<string, Branch>;
  leaves: Map<string, Leaf>;
}

/** Depth first, leaves before branches; what is below a branch in `shut` is left out. */
export function keyTree(leaves: Leaf[], shut: ReadonlySet<string>): Row[] {
  const root: Branch = { branches: new Map(), leaves: new Map() };
  for (const leaf of leaves) {
    let at = root;
    for (const part of leaf.path.slice(0, -1)) {
      let below = at.branches.get(part);
      if (!below) at.branches.set(part, (below = { branches: new Map(), leaves: new Map() }));
      at = below;
    }
    at.leaves.set(leaf.path.at(-1) ?? "", leaf);
  }
  const rows: Row[] = [];
  walk(root, "", 0, shut, rows);
  return rows;
}

function walk(branch: Branch, path: string, depth: number, shut: ReadonlySet<string>, rows: Row[]): void {
  for (const [name, leaf] of branch.leaves) {
    rows.push({ id: `${path}=${name}`, name, depth, leaf, open: false, size: 1 });
  }
  for (const [name, below] of branch.branches) {
    const id = `${path}/${name}`;
    const open = !shut.has(id);
    rows.push({ id, name, depth, leaf: null, open, size: size(below) });
    if (open) walk(below, id, depth + 1, shut, rows);
  }
}

function size(branch: Branch): number {
  let total = branch.leaves.size;
  for (const below of branch.branches.values()) total += size(below);
  return total;
}
