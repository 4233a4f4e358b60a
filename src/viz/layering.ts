/**
 * Places the nodes of a directed graph without cycles in layers, so that edges go one way and cross
 * little: layers by the longest path from a source, an order within each by the mean place of the
 * neighbours, and then positions that pull straight what can be straight.
 * Source: Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System
 * Structures", 1981.
 */

/** What is placed; "across" runs along a layer, "along" from layer to layer. */
export interface LayeredNode {
  /** Size along a layer. */
  across: number;
  /** Indices of the nodes that it comes after, each smaller than its own. */
  inputs: readonly number[];
}

/** Where everything lies. */
export interface Layering {
  /** Layer of each node, from 0. */
  layers: number[];
  /** Middle of each node along its layer; the smallest edge of all is at 0. */
  middles: number[];
  /** Size of the whole along the layers. */
  across: number;
  /** For each edge, the layers and places it passes between its ends. */
  edges: { from: number; to: number; via: { layer: number; middle: number }[] }[];
}

/** A node, or a place where an edge passes a layer. */
interface Item {
  across: number;
  layer: number;
  middle: number;
  before: Item[];
  after: Item[];
  /** A node of the graph, which stays where an edge that passes gives way. */
  isNode: boolean;
}

/** How often orders and positions are improved: down and up. */
const ROUNDS = 8;

/**
 * @param gap      Between two neighbours of a layer.
 * @param passing  Room for an edge that passes a layer.
 */
export function layered(nodes: readonly LayeredNode[], gap: number, passing: number): Layering {
  const layers: number[] = [];
  for (const { inputs } of nodes) {
    layers.push(inputs.reduce((most, input) => Math.max(most, layers[input]! + 1), 0));
  }
  const items: Item[] = nodes.map(({ across }, i) => item(across, layers[i]!, true));
  const rows: Item[][] = [];
  for (const one of items) (rows[one.layer] ??= []).push(one);

  const edges = nodes.flatMap(({ inputs }, to) =>
    [...new Set(inputs)].map((from) => {
      const via: Item[] = [];
      for (let layer = layers[from]! + 1; layer < layers[to]!; layer++) {
        via.push(item(passing, layer, false));
        rows[layer]!.push(via.at(-1)!);
      }
      const path = [items[from]!, ...via, items[to]!];
      path.slice(1).forEach((next, i) => {
        path[i]!.after.push(next);
        next.before.push(path[i]!);
      });
      return { from, to, via };
    }),
  );
  order(rows);
  align(rows, gap);
  const start = least(rows.map((row) => row[0]!.middle - row[0]!.across / 2));
  const end = -least(rows.map((row) => -row.at(-1)!.middle - row.at(-1)!.across / 2));
  return {
    layers,
    middles: items.map(({ middle }) => middle - start),
    across: end - start,
    edges: edges.map(({ from, to, via }) => ({
      from,
      to,
      via: via.map(({ layer, middle }) => ({ layer, middle: middle - start })),
    })),
  };
}

function item(across: number, layer: number, isNode: boolean): Item {
  return { across, layer, middle: 0, before: [], after: [], isNode };
}

/** Puts each row in the order of the mean place of its neighbours, keeping the best found. */
function order(rows: Item[][]): void {
  let best = rows.map((row) => [...row]);
  let fewest = crossings(rows);
  for (let round = 0; round < ROUNDS && fewest > 0; round++) {
    const down = round % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const places = new Map<Item, number>();
      for (const other of rows) other.forEach((one, i) => places.set(one, i));
      const wanted = new Map(
        row.map((one) => {
          const near = (down ? one.before : one.after).map((other) => places.get(other)!);
          return [one, near.length > 0 ? mean(near) : places.get(one)!];
        }),
      );
      row.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
    }
    const now = crossings(rows);
    if (now < fewest) {
      fewest = now;
      best = rows.map((row) => [...row]);
    }
  }
  rows.forEach((row, i) => row.splice(0, row.length, ...best[i]!));
}

function crossings(rows: readonly Item[][]): number {
  let count = 0;
  rows.slice(1).forEach((row, i) => {
    const places = new Map(rows[i]!.map((one, place) => [one, place]));
    const ends = row.map((one) => one.before.map((other) => places.get(other)!));
    ends.forEach((left, a) =>
      ends.slice(a + 1).forEach((right) => {
        for (const x of left) for (const y of right) if (x > y) count++;
      }),
    );
  });
  return count;
}

/**
 * Moves each item to the middle of its neighbours, as far as those beside it leave room. Nodes look
 * at nodes alone where they can: a path of layers stays straight beside an edge that skips some.
 * The last look is at what comes before, so that paths bend where they join.
 */
function align(rows: readonly Item[][], gap: number): void {
  for (const row of rows) spread(row, gap, () => 0);
  for (let round = 0; round <= 2 * ROUNDS; round++) {
    const down = round % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      spread(row, gap, (one) => {
        const near = down ? one.before : one.after;
        const nodes = near.filter(({ isNode }) => isNode);
        const pull = one.isNode && nodes.length > 0 ? nodes : near;
        return pull.length > 0 ? mean(pull.map(({ middle }) => middle)) : one.middle;
      });
    }
  }
}

/**
 * Gives each item of a row the place that it wants; where two would overlap, they move apart as one
 * block around the mean of what they want, in which nodes count more than passing edges.
 */
function spread(row: readonly Item[], gap: number, wanted: (one: Item) => number): void {
  interface Block {
    items: Item[];
    /** Of the first item's middle. */
    sum: number;
    weight: number;
    /** Of each item from the first. */
    offsets: number[];
  }
  const at = ({ sum, weight }: Block): number => sum / weight;
  const blocks: Block[] = [];
  for (const one of row) {
    const weight = one.isNode ? 1e4 : 1;
    let block: Block = { items: [one], sum: wanted(one) * weight, weight, offsets: [0] };
    for (let last = blocks.at(-1); last; last = blocks.at(-1)) {
      const end = last.items.at(-1)!;
      const offset = last.offsets.at(-1)! + end.across / 2 + gap + block.items[0]!.across / 2;
      if (at(last) + offset <= at(block)) break;
      blocks.pop();
      block = {
        items: [...last.items, ...block.items],
        sum: last.sum + block.sum - block.weight * offset,
        weight: last.weight + block.weight,
        offsets: [...last.offsets, ...block.offsets.map((other) => other + offset)],
      };
    }
    blocks.push(block);
  }
  for (const block of blocks) {
    block.items.forEach((one, i) => (one.middle = at(block) + block.offsets[i]!));
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}
