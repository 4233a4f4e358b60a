/** Trainings by the Trainer against loops in PyTorch: training.json, which training.py writes. */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import golden from './training.json';

interface Case {
  optimizer: string;
  settings: Partial<Record<string, number | boolean>>;
  accumulate?: number;
  clipGradNorm?: number;
  clipGradValue?: number;
  l1?: number;
  l2?: number;
  classWeights?: number[];
  schedule?: string;
  losses: number[];
  parameters: Record<string, unknown>;
}

const { nn, optim, train } = sg;
const cases = golden.cases as Case[];

function load(model: sg.nn.Module, values: Readonly<Record<string, unknown>>): void {
  const tensors = Object.entries(values).map(([key, value]) => {
    return [key, sg.tensor(value as number[][])] as const;
  });
  model.loadStateDict(Object.fromEntries(tensors));
  for (const [, tensor] of tensors) tensor.dispose();
}

function optimizerOf({ optimizer, settings }: Case, parameters: sg.Tensor[]): sg.optim.SGD {
  const { weight_decay: weightDecay, ...rest } = settings;
  const options = { ...rest, ...(weightDecay !== undefined && { weightDecay }) };
  return new optim[optimizer as 'SGD'](parameters, options as { lr: number });
}

describe(`trainings, as those of PyTorch ${golden.torch}`, () => {
  const titles = cases.map((each) => {
    const options = Object.entries(each).filter(([key]) => !['losses', 'parameters'].includes(key));
    return [JSON.stringify(Object.fromEntries(options)), each] as const;
  });

  test.each(titles)('%s', async (_, each) => {
    const { accumulate, clipGradNorm, clipGradValue, l1, l2, classWeights, schedule } = each;
    const dataset = new sg.data.TensorDataset(
      sg.tensor(golden.x),
      sg.tensor(golden.y, { dtype: 'i32' }),
    );
    const loader = new sg.data.DataLoader(dataset, { batchSize: golden.batchSize });
    const weight = classWeights && sg.tensor(classWeights);
    for (const capture of [true, false]) {
      const model = new nn.Sequential(new nn.Linear(6, 8), new nn.Tanh(), new nn.Linear(8, 4));
      load(model, golden.start);
      const optimizer = optimizerOf(each, model.parameters());
      const rates = new optim.lr.ExponentialLR(optimizer, { gamma: 0.8 });
      const trainer = new train.Trainer(model, {
        optimizer,
        loss: new nn.CrossEntropyLoss({ weight }),
        accumulate,
        clipGradNorm,
        clipGradValue,
        regularizers: [
          ...(l2 ? [new nn.L2(model, l2)] : []),
          ...(l1 ? [new nn.L1(model.at(0)!, l1)] : []),
        ],
        callbacks: schedule
          ? [new train.LRSchedule(rates, { every: schedule as 'epoch' | 'update' })]
          : [],
        capture,
      });
      const { epochs } = await trainer.fit(loader, { epochs: golden.epochs });
      epochs.forEach(({ loss }, i) => expect(loss).toBeCloseTo(each.losses[i]!, 4));
      for (const [key, parameter] of model.namedParameters()) {
        const expected = [each.parameters[key]].flat(2) as number[];
        const values = [...((await parameter.data()) as Float32Array)];
        values.forEach((value, i) => expect(value, key).toBeCloseTo(expected[i]!, 4));
      }
      sg.tidy(() => model.parameters()[0]!.sum().backward());
      for (const one of [model, optimizer]) one.dispose();
    }
    for (const one of [dataset, weight]) one?.dispose();
  });
});
