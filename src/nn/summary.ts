import { observeOps, type OpObserver } from '../autograd/observer.js';
import { noGrad } from '../autograd/scope.js';
import type { Variable } from '../autograd/variable.js';
import { formatShape } from '../errors.js';
import { BYTES_PER_ELEMENT, isFloat, numelOf, type DType, type Shape } from '../gpu/dtype.js';
import { meta } from '../gpu/meta.js';
import { alignColumns } from '../textTable.js';
import { zeros } from '../tensor/creation.js';
import type { Tensor } from '../tensor/tensor.js';
import { enterEvalMode } from './evalMode.js';
import { formatBytes, formatPrefixed } from './units.js';
import { withForwardHooks } from './forwardHooks.js';

/** What the summary needs of a Module. */
interface Summarized {
  training: boolean;
  forward(...inputs: Tensor[]): Tensor;
  extraRepr(): string;
  multiplyAdds(inputShape: Shape, outputShape: Shape): number;
  namedModules(): [string, Summarized][];
  children(): Summarized[];
  parameters(): Tensor[];
  buffers(): Tensor[];
}

/** One run of a layer, or what else a network computes. */
export interface SummaryRow {
  /** A layer; an op between layers, such as the sum of two paths; or the input of the network. */
  kind: 'input' | 'layer' | 'op';
  /** Path of the layer: `features.0`. An op and the input have none. */
  name: string;
  /** Class of the layer, `Conv2d`, or name of the op, `add`. */
  type: string;
  /** What `extraRepr()` of the layer says: `96 filters 11x11, stride 4`. */
  settings: string;
  outputShape: Shape;
  /** How many numbers the layer learns or has frozen. */
  parameters: number;
  /** What the layer multiplies and adds for this output; see `Module.multiplyAdds`. Of an op 0. */
  multiplyAdds: number;
  /** Whether an earlier row has the same parameters: totals have them once. */
  repeated: boolean;
  /** Where its inputs come from: indices in `graph`. */
  inputs: readonly number[];
}

/** Numbers of a whole network. */
interface Totals {
  parameters: number;
  trainableParameters: number;
  buffers: number;
  inputBytes: number;
  activationBytes: number;
  parameterBytes: number;
  bufferBytes: number;
}

/** The layers of a network for one input; `toString()` gives it as a table. */
export class Summary implements Totals {
  /**
   * The innermost layers in the order in which they ran. Parameters that a module has beside its
   * layers are in the totals alone.
   */
  readonly rows: readonly SummaryRow[];
  /** What the network learns or has frozen; a shared parameter counts once. */
  readonly parameters: number;
  readonly trainableParameters: number;
  /** Numbers that are kept and not learnt, such as running statistics; without counters. */
  readonly buffers: number;
  readonly inputBytes: number;
  /**
   * Outputs of the layers with parameters, and as much again for their gradients, as torchinfo
   * estimates it: what activations, pools and the like give is left out.
   */
  readonly activationBytes: number;
  readonly parameterBytes: number;
  readonly bufferBytes: number;

  constructor(
    readonly model: string,
    readonly inputShape: Shape,
    /** All that was computed, input and ops between layers included; each after its inputs. */
    readonly graph: readonly SummaryRow[],
    totals: Totals,
  ) {
    this.rows = graph.filter(({ kind }) => kind === 'layer');
    this.parameters = totals.parameters;
    this.trainableParameters = totals.trainableParameters;
    this.buffers = totals.buffers;
    this.inputBytes = totals.inputBytes;
    this.activationBytes = totals.activationBytes;
    this.parameterBytes = totals.parameterBytes;
    this.bufferBytes = totals.bufferBytes;
  }

  /** Parameters that are frozen. */
  get nonTrainableParameters(): number {
    return this.parameters - this.trainableParameters;
  }

  /** Of all layers, for the whole batch. */
  get multiplyAdds(): number {
    return sum(this.rows.map(({ multiplyAdds }) => multiplyAdds));
  }

  /** Input, activations with their gradients, parameters and buffers. */
  get totalBytes(): number {
    return this.inputBytes + this.activationBytes + this.parameterBytes + this.bufferBytes;
  }

  toString(): string {
    const cells = [
      ['Layer', 'Type', 'Output shape', 'Parameters', 'Multiply-adds'],
      ['(input)', '', formatShape(this.inputShape), '', ''],
      ...this.rows.map((row) => [
        row.name,
        row.type,
        formatShape(row.outputShape),
        row.repeated ? '(shared)' : count(row.parameters),
        count(row.multiplyAdds),
      ]),
    ];
    const lines = alignColumns(cells, 3);
    const rule = '-'.repeat(lines.reduce((most, { length }) => Math.max(most, length), 0));
    const { multiplyAdds } = this;
    return [
      this.model,
      rule,
      lines[0],
      rule,
      ...lines.slice(1),
      rule,
      `Total parameters: ${count(this.parameters)}`,
      `Trainable parameters: ${count(this.trainableParameters)}`,
      `Non-trainable parameters: ${count(this.nonTrainableParameters)}`,
      ...(this.buffers > 0 ? [`Buffers: ${count(this.buffers)}`] : []),
      `Multiply-adds: ${count(multiplyAdds)}${multiplyAdds < 1e6 ? '' : ` (${formatPrefixed(multiplyAdds)})`}`,
      rule,
      `Input: ${formatBytes(this.inputBytes)}`,
      `Forward/backward activations: ${formatBytes(this.activationBytes)}`,
      `Parameters: ${formatBytes(this.parameterBytes)}`,
      ...(this.bufferBytes > 0 ? [`Buffers: ${formatBytes(this.bufferBytes)}`] : []),
      `Estimated total: ${formatBytes(this.totalBytes)}`,
    ].join('\n');
  }
}

/**
 * Runs `model` once, as for inference and without computing anything, and notes what each innermost
 * layer takes and returns, and the ops between them.
 */
export function summarize(model: Summarized, inputShape: Shape): Summary {
  const modules = model.namedModules();
  const names = new Map(modules.map(([name, module]) => [module, name]));
  const layers = modules.map(([, module]) => module).filter((m) => m.children().length === 0);
  const trace = new Trace();
  const met = new Set<Tensor>(); // parameters of layers that ran
  let withParameters = 0; // bytes that layers with parameters return
  let depth = 0; // of layers within layers: what happens in one is its own affair

  const run = (): void => {
    const x = zeros(inputShape);
    trace.add(x, { ...NOTHING, kind: 'input', type: 'Input' }, []);
    model.forward(x);
  };
  const layerRun = (layer: Summarized, inputs: Tensor[], forward: () => Tensor): Tensor => {
    const name = names.get(layer)!;
    const from = trace.sourcesOf(inputs);
    depth++;
    let result: Tensor;
    try {
      result = forward();
    } finally {
      depth--;
    }
    // Identity passes on its input: another handle tells the two apart.
    const y = inputs.includes(result) ? result.detach() : result;
    if (depth > 0) return y;
    const own = layer.parameters();
    const parameters = numelOfAll(own);
    const isShared = own.length > 0 && own.every((parameter) => met.has(parameter));
    for (const parameter of own) met.add(parameter);
    if (parameters > 0) withParameters += bytesOf(y);
    trace.add(
      y,
      {
        kind: 'layer',
        name,
        type: layer.constructor.name,
        settings: layer.extraRepr(),
        parameters,
        multiplyAdds: layer.multiplyAdds(inputs[0]?.shape ?? [], y.shape),
        repeated: isShared || trace.rows.some((row) => row.kind === 'layer' && row.name === name),
      },
      from,
    );
    return y;
  };
  const watch: OpObserver = {
    op({ name }, inputs, y) {
      if (depth > 0) return;
      const from = trace.sourcesOf(inputs);
      // What is computed from parameters alone is no part of the way of the input.
      if (from.length > 0) trace.add(y, { ...NOTHING, kind: 'op', type: name }, from);
    },
    alias: (handle, of) => {
      trace.alias(handle, of);
    },
  };

  const leave = enterEvalMode(modules.map(([, module]) => module)); // batch norm refuses a batch of one
  try {
    const dryRun = (): void => meta(() => noGrad(run));
    withForwardHooks(layers, layerRun, () => observeOps(watch, dryRun));
  } finally {
    leave();
  }
  const [parameters, buffers] = [model.parameters(), model.buffers()];
  return new Summary(model.constructor.name, inputShape, trace.rows, {
    parameters: numelOfAll(parameters),
    trainableParameters: numelOfAll(parameters.filter(({ requiresGrad }) => requiresGrad)),
    buffers: numelOfAll(buffers.filter(({ dtype }) => isFloat(dtype))),
    inputBytes: numelOf(inputShape) * BYTES_PER_ELEMENT.f32,
    activationBytes: 2 * withParameters,
    parameterBytes: sum(parameters.map(bytesOf)),
    bufferBytes: sum(buffers.map(bytesOf)),
  });
}

/** What an input and an op have not. */
const NOTHING = { name: '', settings: '', parameters: 0, multiplyAdds: 0, repeated: false };

/** What was computed from what, by the handles of the results. */
class Trace {
  readonly rows: SummaryRow[] = [];
  private readonly made = new Map<Variable, number>();

  add(y: Variable, row: Omit<SummaryRow, 'outputShape' | 'inputs'>, inputs: number[]): void {
    this.made.set(y, this.rows.length);
    this.rows.push({ ...row, outputShape: y.shape, inputs });
  }

  alias(handle: Variable, of: Variable): void {
    const row = this.made.get(of);
    if (row !== undefined) this.made.set(handle, row);
  }

  /** The rows that made `inputs`, as far as any did. */
  sourcesOf(inputs: readonly Variable[]): number[] {
    return inputs.flatMap((x) => this.made.get(x) ?? []);
  }
}

function bytesOf({ shape, dtype }: { shape: Shape; dtype: DType }): number {
  return numelOf(shape) * BYTES_PER_ELEMENT[dtype];
}

function numelOfAll(tensors: readonly Tensor[]): number {
  return sum(tensors.map(({ numel }) => numel));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
