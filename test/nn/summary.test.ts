import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const LENET = `LeNet5
-----
Layer         Type       Output shape     Parameters  Multiply-adds
-----
(input)                  (1, 1, 28, 28)
features.0    Conv2d     (1, 6, 28, 28)          156        122,304
features.1    Sigmoid    (1, 6, 28, 28)            0              0
features.2    AvgPool2d  (1, 6, 14, 14)            0              0
features.3    Conv2d     (1, 16, 10, 10)       2,416        241,600
features.4    Sigmoid    (1, 16, 10, 10)           0              0
features.5    AvgPool2d  (1, 16, 5, 5)             0              0
classifier.0  Flatten    (1, 400)                  0              0
classifier.1  Linear     (1, 120)             48,120         48,120
classifier.2  Sigmoid    (1, 120)                  0              0
classifier.3  Linear     (1, 84)              10,164         10,164
classifier.4  Sigmoid    (1, 84)                   0              0
classifier.5  Linear     (1, 10)                 850            850
-----
Total parameters: 61,706
Trainable parameters: 61,706
Non-trainable parameters: 0
Multiply-adds: 423,038
-----
Input: 3.14 kB
Forward/backward activations: 52.14 kB
Parameters: 246.82 kB
Estimated total: 302.10 kB`;

/** Of a network without memory. */
const summaryOf = (make: () => sg.nn.Module, inputShape: number[]) =>
  sg.meta(make).summary(inputShape);

describe('summary', () => {
  test('of LeNet-5 has every layer with its shape and 61,706 parameters', () => {
    const model = new sg.models.LeNet5();
    const summary = model.summary([1, 1, 28, 28]);
    const squeeze = (text: string) => text.replace(/-{5,}/g, '-----');
    expect(squeeze(String(summary))).toBe(squeeze(LENET));
    expect(summary.rows.reduce((sum, row) => sum + row.parameters, 0)).toBe(61_706);
    model.dispose();
  });

  test('computes nothing, takes no memory, and leaves the model as it was', async () => {
    sg.manualSeed(1);
    const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
    using x = sg.rand([1, 1, 28, 28]);
    const run = () => sg.tidy(() => sg.noGrad(() => model.forward(x)).data());
    const before = await run();
    const memory = sg.memory();
    const keys = Object.keys(model.features.at(0)!);
    expect(model.summary([64, 1, 28, 28]).rows[0]!.outputShape).toEqual([64, 6, 28, 28]);
    expect(sg.memory()).toEqual(memory);
    expect(Object.keys(model.features.at(0)!)).toEqual(keys);
    expect(await run()).toEqual(before);
    model.dispose();
  });

  test('counts frozen and shared parameters, and layers that run twice', () => {
    class Shared extends sg.nn.Module {
      readonly frozen = new sg.nn.Linear(4, 4, { bias: false }).requiresGrad_(false);
      readonly twice = new sg.nn.Linear(4, 4);
      readonly scale = new sg.nn.Parameter([1]);

      forward(x: sg.Tensor): sg.Tensor {
        return this.twice.forward(this.twice.forward(this.frozen.forward(x)));
      }
    }
    const model = new Shared();
    const summary = model.summary([2, 4]);
    const { rows, parameters, trainableParameters, nonTrainableParameters, multiplyAdds } = summary;
    expect(rows.map(({ name, parameters, repeated }) => [name, parameters, repeated])).toEqual([
      ['frozen', 16, false],
      ['twice', 20, false],
      ['twice', 20, true],
    ]);
    expect([parameters, trainableParameters, nonTrainableParameters]).toEqual([37, 21, 16]);
    expect(multiplyAdds).toBe(2 * (16 + 20 + 20)); // each run counts
    expect(String(model.summary([2, 4]))).toMatch(/twice .* \(shared\) +40\n/);
    model.dispose();
  });

  test('of a wrong input is the error of the layer, and the model stays usable', () => {
    const model = new sg.models.LeNet5();
    const memory = sg.memory();
    expect(() => model.summary([1, 3, 28, 28])).toThrow(sg.ShapeError);
    expect(() => model.summary([1, 3, 28, 28])).toThrow(/^conv2d: expected/);
    expect(sg.memory()).toEqual(memory);
    expect(model.summary([1, 1, 28, 28]).rows).toHaveLength(12);
    model.dispose();
  });

  test('of a single layer, and of one whose forward is a property', () => {
    const layer = new sg.nn.Linear(2, 3);
    const forward = layer.forward.bind(layer);
    layer.forward = forward;
    expect(layer.summary([5, 2]).rows).toEqual([
      {
        kind: 'layer',
        ...{ name: '', type: 'Linear', settings: '2 to 3', outputShape: [5, 3] },
        ...{ parameters: 9, multiplyAdds: 45, repeated: false, inputs: [0] },
      },
    ]);
    expect(layer.forward).toBe(forward);
    layer.dispose();
  });
});

describe('multiply-adds', () => {
  test('of AlexNet are those of torchinfo: 714,682,664', () => {
    const summary = summaryOf(() => new sg.models.AlexNet(), [1, 3, 224, 224]);
    const counted = summary.rows.filter(({ multiplyAdds }) => multiplyAdds > 0);
    expect(counted.map(({ multiplyAdds }) => multiplyAdds)).toEqual([
      (3 * 11 * 11 + 1) * 64 * 55 * 55,
      (64 * 5 * 5 + 1) * 192 * 27 * 27,
      (192 * 3 * 3 + 1) * 384 * 13 * 13,
      (384 * 3 * 3 + 1) * 256 * 13 * 13,
      (256 * 3 * 3 + 1) * 256 * 13 * 13,
      (9216 + 1) * 4096,
      (4096 + 1) * 4096,
      (4096 + 1) * 1000,
    ]);
    expect(summary.multiplyAdds).toBe(714_682_664);
    // torchinfo 1.8: 0.60, 3.95 and 244.40 MB, 248.96 with a header of 64 bytes.
    expect(summary.inputBytes).toBe(602_112);
    expect(summary.activationBytes).toBe(3_953_472);
    expect(summary.parameterBytes).toBe(244_403_360);
    expect(summary.totalBytes).toBe(602_112 + 3_953_472 + 244_403_360);
    expect(String(summary)).toContain('Multiply-adds: 714,682,664 (714.68 M)\n');
    expect(String(summary)).toContain('Forward/backward activations: 3.95 MB\n');
  });

  test('of a batch and of batch norm, for alexNetCifar, are those of torchinfo', () => {
    const summary = summaryOf(() => sg.models.alexNetCifar(), [2, 3, 32, 32]);
    expect(summary.multiplyAdds).toBe(451_654_164);
    expect(summary.rows[2]).toMatchObject({ type: 'BatchNorm2d', multiplyAdds: 2 * (64 + 64) });
    expect(summary.activationBytes).toBe(5_537_952);
    // Keras says 7,711,050, with its running statistics.
    expect([summary.parameters, summary.buffers]).toEqual([7_708_746, 2304]);
    expect(summary.bufferBytes).toBe(4 * (2304 + 5));
    expect(String(summary)).toContain('\nBuffers: 2,304\n');
  });

  // By hand, places of the filters times learnt numbers of the filters, then the dense layers.
  test.each([
    ['mlp', {}, 784 * 128 + 128 + 128 * 10 + 10],
    [
      'lenet5',
      { inputSize: 32, inChannels: 3, pool: 'max', activation: 'none' },
      784 * (6 * 75 + 6) + 100 * (16 * 150 + 16) + 401 * 120 + 121 * 84 + 85 * 10,
    ],
    ['lenetrelu', {}, 576 * 32 * 26 + 64 * 64 * 801 + 1025 * 100 + 101 * 10],
    ['lenettanh', {}, 784 * 6 * 26 + 196 * 16 * 151 + 3137 * 120 + 121 * 84 + 85 * 10],
    ['convnet', {}, 676 * 32 * 10 + 121 * 64 * 289 + 1601 * 64 + 65 * 10],
    ['simpleconvnet', {}, 576 * 30 * 26 + 4321 * 100 + 101 * 10],
    [
      'alexnet',
      { variant: 'd2l' },
      3025 * 96 * 122 +
        729 * 256 * 2401 +
        169 * (384 * 2305 + 384 * 3457 + 256 * 3457) +
        9217 * 4096 +
        4097 * 4096 +
        4097 * 10,
    ],
    [
      'alexnet', // groups of 2 halve what a filter of conv 2, 4 and 5 sees
      { variant: '2012' },
      3025 * 96 * 364 +
        729 * 256 * 1201 +
        169 * (384 * 2305 + 384 * 1729 + 256 * 1729) +
        9217 * 4096 +
        4097 * 4096 +
        4097 * 1000,
    ],
  ] as const)('of %s %j by hand', (name, options, expected) => {
    const shape = [1, ...sg.models.inputShapeOf(name, options)];
    const make = () => sg.models.create(name, options);
    expect(summaryOf(make, shape).multiplyAdds).toBe(expected);
  });

  const { nn } = sg;
  test.each([
    [
      'stride, dilation and groups',
      () =>
        // torchinfo: 126,480
        new nn.Conv2d(4, 8, [3, 5], { stride: 2, dilation: 2, groups: 2, padding: 3 }),
      [2, 4, 32, 32],
      126_480,
    ],
    ['no bias, no batch', () => new nn.Conv2d(3, 5, 3, { bias: false }), [3, 6, 6], 5 * 27 * 16],
    // Each of 2 x 5 x 6 pixels of 8 channels meets 2 x 3 x 3 numbers; 4 biases for each of 11 x 13.
    [
      'a transposed convolution',
      () => new nn.ConvTranspose2d(8, 4, 3, { stride: 2, groups: 2 }),
      [2, 8, 5, 6],
      2 * 30 * 8 * 18 + 2 * 4 * 11 * 13,
    ],
    ['a dense layer on rows', () => new nn.Linear(4, 3), [2, 5, 4], 2 * 5 * (4 * 3 + 3)],
    ['layer norm', () => new nn.LayerNorm([4, 4]), [3, 4, 4], 3 * 32],
    ['prelu', () => new nn.PReLU(8), [2, 8, 3, 3], 2 * 8],
    ['batch norm without weights', () => new nn.BatchNorm2d(8, { affine: false }), [2, 8, 3, 3], 0],
    ['local response norm', () => new nn.LocalResponseNorm(5), [2, 8, 3, 3], 0],
    ['a pool', () => new nn.AvgPool2d(2), [2, 8, 4, 4], 0],
    ['gelu', () => new nn.GELU(), [2, 8], 0],
  ] as const)('of %s', (_, make, shape, expected) => {
    expect(summaryOf(make, [...shape]).multiplyAdds).toBe(expected);
  });

  test('of a layer of your own are what it says', () => {
    class Scale extends sg.nn.Module {
      forward(x: sg.Tensor): sg.Tensor {
        return x.mul(2);
      }
      override multiplyAdds(inputShape: sg.Shape): number {
        return inputShape[0]! * inputShape[1]!;
      }
      override extraRepr(): string {
        return 'by 2';
      }
    }
    const [row] = new Scale().summary([3, 7]).rows;
    expect(row).toMatchObject({ multiplyAdds: 21, settings: 'by 2' });
  });
});

describe('settings', () => {
  const { nn } = sg;
  test.each([
    [() => new nn.Conv2d(3, 96, 11, { stride: 4 }), '96 filters 11x11, stride 4'],
    [
      () => new nn.Conv2d(4, 8, [3, 5], { padding: [1, 2], dilation: 2, groups: 2, bias: false }),
      '8 filters 3x5, padding 1x2, dilation 2, groups 2',
    ],
    [() => new nn.Conv2d(3, 6, 5, { padding: 'same' }), '6 filters 5x5, padding same'],
    [() => new nn.Conv2d(3, 6, 5, { stride: 1, paddingMode: 'zeros' }), '6 filters 5x5'],
    [
      () => new nn.ConvTranspose2d(3, 6, 5, { stride: 2, outputPadding: 1 }),
      '6 filters 5x5, stride 2, outputPadding 1',
    ],
    [() => new nn.MaxPool2d(3, { stride: 2 }), '3x3, stride 2'],
    [() => new nn.MaxPool2d(2), '2x2, stride 2'],
    [
      () => new nn.AvgPool2d([2, 3], { padding: 1, ceilMode: true }),
      '2x3, stride 2x3, padding 1, ceilMode true',
    ],
    [() => new nn.AdaptiveAvgPool2d([6, null]), 'to 6xany'],
    [() => new nn.AdaptiveMaxPool2d(1), 'to 1x1'],
    [() => new nn.Linear(9216, 4096), '9216 to 4096'],
    [() => new nn.BatchNorm1d(8), '8 channels'],
    [() => new nn.LayerNorm([4, 5]), '4x5'],
    [() => new nn.LocalResponseNorm(5), '5 channels'],
    [() => new nn.Dropout(0.2), 'p 0.2'],
    [() => new nn.Dropout2d(), 'p 0.5'],
    [() => new nn.PReLU(), '1 slope'],
    [() => new nn.LeakyReLU(), 'slope 0.01'],
    [() => new nn.ELU(), 'alpha 1'],
    [() => new nn.Hardtanh(), '-1 to 1'],
    [() => new nn.Softmax(1), 'dim 1'],
    [() => new nn.LogSoftmax(), 'dim -1'],
    [() => new nn.ReLU(), ''],
  ] as const)('%s: %s', (make, expected) => {
    const layer: sg.nn.Module = sg.meta(make);
    expect(layer.extraRepr()).toBe(expected);
  });
});

describe('graph', () => {
  const edges = (summary: { graph: readonly sg.nn.SummaryRow[] }) =>
    summary.graph.map(({ kind, name, type, inputs }) => [kind, name || type, ...inputs]);

  test('of layers one after the other is a chain from the input', () => {
    const { graph, rows } = summaryOf(() => new sg.models.LeNet5(), [1, 1, 28, 28]);
    expect(graph).toHaveLength(13);
    expect(graph[0]).toMatchObject({ kind: 'input', outputShape: [1, 1, 28, 28], inputs: [] });
    expect(graph.slice(1)).toEqual(rows);
    expect(rows.map(({ inputs }) => inputs)).toEqual(rows.map((_, i) => [i]));
  });

  test('has the ops between layers, both paths of a sum, and layers that run twice', () => {
    class Residual extends sg.nn.Module {
      readonly conv = new sg.nn.Conv2d(2, 2, 3, { padding: 1 });
      readonly skip = new sg.nn.Identity();
      readonly scale = new sg.nn.Parameter([1]);
      forward(x: sg.Tensor): sg.Tensor {
        const y = this.conv.forward(this.conv.forward(x).relu());
        const scaled = y.mul(this.scale.square());
        return sg.cat([scaled.add(this.skip.forward(x)), x.detach()], 1).flatten(1);
      }
    }
    expect(edges(summaryOf(() => new Residual(), [1, 2, 4, 4]))).toEqual([
      ['input', 'Input'],
      ['layer', 'conv', 0],
      ['op', 'relu', 1],
      ['layer', 'conv', 2],
      ['op', 'mul', 3], // the square of a parameter is on no path
      ['layer', 'skip', 0],
      ['op', 'add', 4, 5],
      ['op', 'cat', 6, 0],
      ['op', 'reshape', 7],
    ]);
  });

  test('tells a path through Identity from the one beside it', () => {
    class Twice extends sg.nn.Module {
      readonly same = new sg.nn.Identity();
      forward(x: sg.Tensor): sg.Tensor {
        const y = this.same.forward(x);
        return x.sub(y);
      }
    }
    expect(edges(new Twice().summary([2]))).toEqual([
      ['input', 'Input'],
      ['layer', 'same', 0],
      ['op', 'sub', 0, 1],
    ]);
  });
});
