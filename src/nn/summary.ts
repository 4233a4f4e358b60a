import { noGrad } from '../autograd/scope.js';
import { formatShape } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import type { Shape } from '../gpu/dtype.js';
import { zeros } from '../tensor/creation.js';
import type { Tensor } from '../tensor/tensor.js';

/** What the summary needs of a Module. */
interface Summarized {
  training: boolean;
  forward(...inputs: Tensor[]): Tensor;
  namedModules(): [string, Summarized][];
  children(): Summarized[];
  parameters(): Tensor[];
}

export interface SummaryRow {
  /** Path of the layer: `features.0`. */
  name: string;
  /** Its class: `Conv2d`. */
  type: string;
  outputShape: Shape;
  parameters: number;
}

/** The layers of a network for one input; `toString()` gives it as a table. */
export class Summary {
  constructor(
    readonly model: string,
    readonly inputShape: Shape,
    readonly rows: readonly SummaryRow[],
    readonly parameters: number,
    readonly trainableParameters: number,
  ) {}

  toString(): string {
    const count = (n: number): string => n.toLocaleString('en-US');
    const cells = [
      ['Layer', 'Type', 'Output shape', 'Parameters'],
      ['(input)', '', formatShape(this.inputShape), ''],
      ...this.rows.map((row) => [
        row.name,
        row.type,
        formatShape(row.outputShape),
        count(row.parameters),
      ]),
    ];
    const widths = [0, 1, 2, 3].map((i) => Math.max(...cells.map((line) => line[i]!.length)));
    const lines = cells.map((line) =>
      line
        .map((cell, i) => (i === 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    );
    const rule = '-'.repeat(widths.reduce((a, b) => a + b) + 6);
    return [
      this.model,
      rule,
      lines[0],
      rule,
      ...lines.slice(1),
      rule,
      `Trainable parameters: ${count(this.trainableParameters)}`,
      `Total parameters: ${count(this.parameters)}`,
    ].join('\n');
  }
}

/**
 * Runs `model` once, as for inference and without computing anything, and notes what each innermost
 * layer returns.
 */
export function summarize(model: Summarized, inputShape: Shape): Summary {
  const rows: SummaryRow[] = [];
  const modules = model.namedModules();
  const modes = modules.map(([, module]) => module.training);
  const layers = modules.filter(([, module]) => module.children().length === 0);
  const restore = layers.map(([name, layer]) => {
    const own = Object.getOwnPropertyDescriptor(layer, 'forward');
    const forward = layer.forward.bind(layer);
    // An own property shadows the method until it is deleted.
    layer.forward = (...inputs) => {
      const y = forward(...inputs);
      rows.push({
        name,
        type: layer.constructor.name,
        outputShape: y.shape,
        parameters: numelOfAll(layer.parameters()),
      });
      return y;
    };
    return () => {
      delete (layer as Partial<Summarized>).forward;
      if (own) Object.defineProperty(layer, 'forward', own);
    };
  });
  try {
    for (const [, module] of modules) module.training = false; // batch norm refuses a batch of one
    currentDevice().dryRun(() => noGrad(() => void model.forward(zeros(inputShape))));
  } finally {
    modules.forEach(([, module], i) => (module.training = modes[i]!));
    for (const undo of restore) undo();
  }
  const parameters = model.parameters();
  return new Summary(
    model.constructor.name,
    inputShape,
    rows,
    numelOfAll(parameters),
    numelOfAll(parameters.filter((parameter) => parameter.requiresGrad)),
  );
}

function numelOfAll(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.numel, 0);
}
