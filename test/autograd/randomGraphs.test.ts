import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';

const SIZE = 3;

/** A node of the reference: values, and how its gradient goes to what it was made of. */
interface Node {
  values: number[];
  gradient: number[];
  /** Empty for leaves and for what is detached. */
  inputs: readonly Node[];
  /** d node / d input, for each input and element. */
  slopes: readonly number[][];
}

interface Pair {
  tensor: sg.Tensor;
  node: Node;
}

const node = (values: number[], inputs: readonly Node[] = [], slopes: number[][] = []): Node => ({
  values,
  gradient: values.map(() => 0),
  inputs,
  slopes,
});

type Zip = (f: (a: number, b: number) => number) => number[];

/** Makes a result of two earlier ones. */
const OPERATIONS: ((a: Pair, b: Pair, zip: Zip) => Pair)[] = [
  (a, b, zip) => ({
    tensor: a.tensor.add(b.tensor),
    node: node(
      zip((x, y) => x + y),
      [a.node, b.node],
      [zip(() => 1), zip(() => 1)],
    ),
  }),
  (a, b, zip) => ({
    tensor: a.tensor.sub(b.tensor),
    node: node(
      zip((x, y) => x - y),
      [a.node, b.node],
      [zip(() => 1), zip(() => -1)],
    ),
  }),
  (a, b, zip) => ({
    tensor: a.tensor.mul(b.tensor),
    node: node(
      zip((x, y) => x * y),
      [a.node, b.node],
      [zip((_, y) => y), zip((x) => x)],
    ),
  }),
  (a, _, zip) => ({
    tensor: a.tensor.tanh(),
    node: node(
      zip((x) => Math.tanh(x)),
      [a.node],
      [zip((x) => 1 - Math.tanh(x) ** 2)],
    ),
  }),
  (a, _, zip) => ({
    tensor: a.tensor.reshape([SIZE, 1]).reshape([SIZE]),
    node: node(
      zip((x) => x),
      [a.node],
      [zip(() => 1)],
    ),
  }),
  (a, _, zip) => ({ tensor: a.tensor.detach(), node: node(zip((x) => x)) }),
];

/** Adds d loss / d node to every node that `root` was made of; `order` is that of their making. */
function differentiate(root: Node, order: readonly Node[]): void {
  const pending = new Map<Node, number[]>([[root, root.values.map(() => 1)]]);
  for (const current of [...order].reverse()) {
    const dy = pending.get(current);
    if (!dy) continue;
    current.gradient = current.gradient.map((g, i) => g + dy[i]!);
    current.inputs.forEach((input, k) => {
      const before = pending.get(input) ?? input.values.map(() => 0);
      pending.set(
        input,
        before.map((g, i) => g + dy[i]! * current.slopes[k]![i]!),
      );
    });
  }
}

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  'random graph %i has the gradients of the reference, and leaves no memory behind',
  async (seed) => {
    const numbers = uniform(500, seed, 0, 1);
    let drawn = 0;
    const draw = (below: number) => Math.floor(numbers[drawn++]! * below);
    const before = sg.memory();
    const leaves: Pair[] = Array.from({ length: 4 }, (_, i) => {
      const values = [...uniform(SIZE, 1000 + 10 * seed + i)];
      // The last one takes no gradient.
      return { tensor: sg.tensor(values, { requiresGrad: i < 3 }), node: node(values) };
    });
    await sg.tidy(async () => {
      const all = [...leaves];
      for (let i = 0; i < 20; i++) {
        const [a, b] = [all[draw(all.length)]!, all[draw(all.length)]!];
        const zip: Zip = (f) => a.node.values.map((x, k) => f(x, b.node.values[k]!));
        all.push(OPERATIONS[draw(OPERATIONS.length)]!(a, b, zip));
        if (draw(4) === 0) all.at(-1)!.tensor.retain();
      }
      const order = all.map((pair) => pair.node);
      const roots = all.filter(({ tensor }) => tensor.op).slice(-2);
      for (const [i, { tensor, node: root }] of roots.entries()) {
        differentiate(root, order);
        tensor.sum().backward({ retainGraph: i < roots.length - 1 });
      }
      for (const [i, { tensor, node: expected }] of leaves.entries()) {
        const { gradient } = expected;
        const reached = gradient.some((g) => g !== 0);
        if (i === 3 || !tensor.grad) {
          expect(tensor.grad, `gradient of leaf ${i}`).toBeNull();
          if (i < 3) expect(reached, `leaf ${i} is reached`).toBe(false);
        } else {
          expectClose(await tensor.grad.data(), gradient, {}, `leaf ${i}`);
        }
      }
      for (const { tensor } of all) if (tensor.retained) tensor.dispose();
    });
    for (const { tensor } of leaves) tensor.dispose();
    const { bytesInUse, arrays } = sg.memory();
    expect({ bytesInUse, arrays }).toEqual({
      bytesInUse: before.bytesInUse,
      arrays: before.arrays,
    });
  },
);
