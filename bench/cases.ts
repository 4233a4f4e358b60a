/** The kernels that are measured, at the shapes of the networks: each is checked before it is timed. */
import * as sg from 'shadegrad';
import * as expected from './expected.js';
import { expectSampled, outSize, type ConvSizes, type ElementAt } from './expected.js';

const F = sg.nn.functional;

/** Work to be enqueued again and again, within a scope that frees what it makes. */
export interface Run {
  run(): void;
  /** @throws Error if what it computes is wrong. */
  check(): Promise<void>;
  /** Frees what no scope does. */
  dispose?(): void;
}

export interface KernelCase {
  /** `LeNet-5 (256) conv1 forward` */
  name: string;
  /** Operations of the result; 0 where memory is all that counts. */
  flops: number;
  /** Read and written at least. */
  bytes: number;
  /** Part of a quick run, and of bench:check. */
  quick: boolean;
  make(): Run;
}

type Pass = 'forward' | 'input gradient' | 'weight gradient';
const PASSES: readonly Pass[] = ['forward', 'input gradient', 'weight gradient'];

/** A result of `compute`, or gradients of it, as a run. */
function runOf(options: {
  pass: Pass;
  /** Tensors whose gradients are computed. */
  wrt: sg.Tensor[];
  compute: () => sg.Tensor;
  /** What the results must be: of y, or of the gradient of each tensor of `wrt`. */
  expect: (dy: ArrayLike<number>) => Promise<ElementAt[]>;
}): Run {
  const { pass, wrt, compute, expect } = options;
  if (pass === 'forward') {
    return {
      run: () => {
        sg.noGrad(() => void compute());
      },
      check: async () => {
        const y = sg.noGrad(compute);
        const [element] = await expect(await y.data());
        expectSampled(await y.data(), element!, pass);
        y.dispose();
      },
    };
  }
  for (const x of wrt) x.requiresGrad = true;
  const y = compute();
  const dy = y.shape.length === 0 ? sg.ones(y.shape) : sg.randn(y.shape);
  const run = (): void => {
    for (const x of wrt) x.grad = null;
    y.backward({ gradient: dy, retainGraph: true });
  };
  return {
    run,
    check: async () => {
      run();
      const elements = await expect(await dy.data());
      for (const [i, x] of wrt.entries())
        expectSampled(await x.grad!.data(), elements[i]!, `${pass}, tensor ${i}`);
    },
  };
}

const dataOf = (...tensors: sg.Tensor[]): Promise<sg.TypedArray[]> =>
  Promise.all(tensors.map((x) => x.data()));

function convCases(label: string, quick: boolean, sizes: ConvSizes): KernelCase[] {
  const { batch, inChannels, size, outChannels, kernel, stride, padding, groups } = sizes;
  const out = outSize(sizes);
  const weightShape = [outChannels, inChannels / groups, kernel, kernel];
  const weights = weightShape.reduce((a, b) => a * b, 1);
  const numbers =
    batch * inChannels * size * size + weights + outChannels + batch * outChannels * out * out;
  const make = (pass: Pass): Run => {
    const x = sg.randn([batch, inChannels, size, size]);
    const weight = sg.randn(weightShape);
    const bias = sg.randn([outChannels]);
    return runOf({
      pass,
      wrt: pass === 'input gradient' ? [x] : [weight, bias],
      compute: () => F.conv2d(x, weight, bias, { stride, padding, groups }),
      expect: async (dy) => {
        const [dataX, dataW, dataB] = await dataOf(x, weight, bias);
        const data = { x: dataX!, weight: dataW!, bias: dataB!, dy };
        const { y, dx, dw, db } = expected.convolution(sizes, data);
        if (pass === 'forward') return [y];
        return pass === 'input gradient' ? [dx] : [dw, db];
      },
    });
  };
  return PASSES.map((pass) => ({
    name: `${label} ${pass}`,
    flops: 2 * batch * out * out * weights,
    bytes: 4 * numbers,
    quick,
    make: () => make(pass),
  }));
}

function linearCases(
  label: string,
  quick: boolean,
  batch: number,
  inSize: number,
  size: number,
): KernelCase[] {
  const make = (pass: Pass): Run => {
    const x = sg.randn([batch, inSize]);
    const weight = sg.randn([size, inSize]);
    const bias = sg.randn([size]);
    return runOf({
      pass,
      wrt: pass === 'input gradient' ? [x] : [weight, bias],
      compute: () => F.linear(x, weight, bias),
      expect: async (dy) => {
        const [a, w, b] = await dataOf(x, weight, bias);
        if (pass === 'forward') {
          const y = { m: batch, n: size, k: inSize };
          return [expected.product(y, a!, w!, { transposeB: true, bias: b! })];
        }
        if (pass === 'input gradient')
          return [expected.product({ m: batch, n: inSize, k: size }, dy, w!)];
        const ones = new Float32Array(batch).fill(1);
        return [
          expected.product({ m: size, n: inSize, k: batch }, dy, a!, { transposeA: true }),
          expected.product({ m: 1, n: size, k: batch }, ones, dy),
        ];
      },
    });
  };
  return PASSES.map((pass) => ({
    name: `${label} ${pass}`,
    flops: 2 * batch * inSize * size,
    bytes: 4 * (batch * inSize + inSize * size + batch * size),
    quick,
    make: () => make(pass),
  }));
}

/** Forward and backward of a function of one tensor that memory limits. */
function memoryCases(options: {
  label: string;
  quick: boolean;
  shape: number[];
  /** Elements of y. */
  outputs: number;
  compute: (x: sg.Tensor) => sg.Tensor;
  expect: (
    x: ArrayLike<number>,
    dy: ArrayLike<number>,
  ) => { y: ElementAt; dx: ElementAt } | Promise<{ y: ElementAt; dx: ElementAt }>;
}): KernelCase[] {
  const { label, quick, shape, outputs, compute, expect } = options;
  const numbers = shape.reduce((a, b) => a * b, 1);
  return (['forward', 'input gradient'] as const).map((pass) => ({
    name: `${label} ${pass === 'forward' ? pass : 'backward'}`,
    flops: 0,
    bytes: 4 * (numbers + outputs),
    quick,
    make: () => {
      const x = sg.randn(shape);
      return runOf({
        pass,
        wrt: [x],
        compute: () => compute(x),
        expect: async (dy) => {
          const { y, dx } = await expect(await x.data(), dy);
          return [pass === 'forward' ? y : dx];
        },
      });
    },
  }));
}

function poolCases(
  label: string,
  quick: boolean,
  mode: 'max' | 'avg',
  [batch, channels, size]: [number, number, number],
  kernel: number,
): KernelCase[] {
  const stride = 2;
  const out = Math.floor((size - kernel) / stride) + 1;
  return memoryCases({
    label,
    quick,
    shape: [batch, channels, size, size],
    outputs: batch * channels * out * out,
    compute: (x) => (mode === 'max' ? F.maxPool2d : F.avgPool2d)(x, kernel, { stride }),
    expect: (x, dy) => expected.pooling({ size, kernel, stride, mode }, x, dy),
  });
}

function batchNormCases(
  label: string,
  quick: boolean,
  [batch, channels, size]: [number, number, number],
): KernelCase[] {
  const [eps, pixels] = [1e-3, size * size];
  return memoryCases({
    ...{ label, quick },
    shape: [batch, channels, size, size],
    outputs: batch * channels * pixels,
    compute: (x) => F.batchNorm(x, null, null, null, null, { training: true, eps }),
    expect: (x, dy) => expected.batchNorm({ channels, pixels, eps }, x, dy),
  });
}

function lrnCases(
  label: string,
  quick: boolean,
  [batch, channels, side]: [number, number, number],
): KernelCase[] {
  const options = { alpha: 1e-4, beta: 0.75, k: 2 };
  const pixels = side * side;
  return memoryCases({
    ...{ label, quick },
    shape: [batch, channels, side, side],
    outputs: batch * channels * pixels,
    compute: (x) => F.localResponseNorm(x, 5, options),
    expect: (x, dy) => expected.localResponse({ channels, pixels, size: 5, ...options }, x, dy),
  });
}

/** Each element is dropped or scaled, about half of them; backward drops the same. */
function dropoutCases(label: string, quick: boolean, batch: number, size: number): KernelCase[] {
  const bytes = 4 * 2 * batch * size;
  const checkDropped = (y: ArrayLike<number>, x: ArrayLike<number>): void => {
    const kept = Array.from(y).filter((value) => value !== 0).length;
    if (Math.abs(kept / y.length - 0.5) > 0.1) throw new Error(`dropout kept ${kept} elements`);
    expectSampled(y, (at) => (y[at] === 0 ? 0 : 2 * x[at]!), 'dropout');
  };
  const forward = (): Run => {
    const x = sg.rand([batch, size]).add(1);
    return {
      run: () => {
        sg.noGrad(() => void F.dropout(x, 0.5));
      },
      check: async () => {
        const y = sg.noGrad(() => F.dropout(x, 0.5));
        checkDropped(await y.data(), await x.data());
        y.dispose();
      },
    };
  };
  const backward = (): Run => {
    const x = sg.ones([batch, size], { requiresGrad: true });
    const dy = sg.rand([batch, size]).add(1);
    const y = F.dropout(x, 0.5);
    const run = (): void => {
      x.grad = null;
      y.backward({ gradient: dy, retainGraph: true });
    };
    return {
      run,
      check: async () => {
        run();
        const [gradient, forwards, scales] = await dataOf(x.grad!, y, dy);
        checkDropped(gradient!, scales!);
        if (gradient!.some((value, i) => (value === 0) !== (forwards![i] === 0)))
          throw new Error('dropout: backward has another mask than forward');
      },
    };
  };
  return [
    { name: `${label} forward`, flops: 0, bytes, quick, make: forward },
    { name: `${label} backward`, flops: 0, bytes, quick, make: backward },
  ];
}

function crossEntropyCases(
  label: string,
  quick: boolean,
  batch: number,
  classes: number,
): KernelCase[] {
  const bytes = 4 * (batch * classes + 2 * batch);
  const make = (pass: Pass): Run => {
    const logits = sg.randn([batch, classes]);
    const target = sg.randint(0, classes, [batch]);
    return runOf({
      pass,
      wrt: [logits],
      compute: () => F.crossEntropy(logits, target),
      expect: async () => {
        const [x, t] = await dataOf(logits, target);
        const { loss, dx } = expected.crossEntropy(classes, x!, t!);
        return [pass === 'forward' ? () => loss : dx];
      },
    });
  };
  return [
    { name: `${label} forward`, flops: 0, bytes, quick, make: () => make('forward') },
    {
      ...{ name: `${label} backward`, flops: 0, quick },
      bytes: bytes + 4 * batch * classes,
      make: () => make('input gradient'),
    },
  ];
}

/** One step of an optimizer over all parameters of a network. */
function optimizerCase(
  label: string,
  quick: boolean,
  kind: 'SGD' | 'Adam',
  shapes: () => sg.Shape[],
  parameters: number,
): KernelCase {
  // SGD with momentum reads three numbers and writes two, Adam four and three.
  const bytes = 4 * parameters * (kind === 'SGD' ? 5 : 7);
  const lr = 1e-3;
  return {
    ...{ name: `${label} ${kind}`, flops: 0, bytes, quick },
    make: () => {
      const params = shapes().map((shape) => sg.randn(shape, { requiresGrad: true }));
      for (const param of params) param.grad = sg.randn(param.shape);
      const optimizer =
        kind === 'SGD'
          ? new sg.optim.SGD(params, { lr, momentum: 0.9 })
          : new sg.optim.Adam(params, { lr });
      return {
        run: () => optimizer.step(),
        dispose: () => optimizer.dispose(),
        check: async () => {
          const before = await dataOf(...params);
          optimizer.step(); // the first one: v = g for both, and Adam's is corrected
          for (const [i, param] of params.entries()) {
            const grad = await param.grad!.data();
            const stepOf = (g: number): number => (kind === 'SGD' ? g : g / (Math.abs(g) + 1e-8));
            const after = await param.data();
            const change = Float64Array.from(after, (value, at) => value - before[i]![at]!);
            // What is left of f32 in the difference of two numbers near 1.
            expectSampled(
              change.map((value, at) => value + stepOf(grad[at]!)),
              (at) => (1 - lr) * stepOf(grad[at]!),
              `${kind}, parameter ${i}`,
            );
          }
        },
      };
    },
  };
}

function matmulCase(size: number, quick: boolean): KernelCase {
  return {
    ...{ name: `matmul ${size}`, flops: 2 * size ** 3, bytes: 4 * 3 * size * size, quick },
    make: () => {
      const a = sg.randn([size, size]);
      const b = sg.randn([size, size]);
      return runOf({
        ...{ pass: 'forward' as const, wrt: [] },
        compute: () => a.matmul(b),
        expect: async () => {
          const [dataA, dataB] = await dataOf(a, b);
          return [expected.product({ m: size, n: size, k: size }, dataA!, dataB!)];
        },
      });
    },
  };
}

function conv(
  batch: number,
  inChannels: number,
  size: number,
  outChannels: number,
  kernel: number,
  padding = 0,
  stride = 1,
  groups = 1,
): ConvSizes {
  return { batch, inChannels, size, outChannels, kernel, stride, padding, groups };
}

/** All of them, in the order in which they are measured. */
export function kernelCases({ software }: { software: boolean }): KernelCase[] {
  const lenet = 'LeNet-5 (256)';
  const cifar = 'CIFAR AlexNet (4)';
  const alexnet = 'AlexNet-227 (1)';
  const paper = 'AlexNet of the paper (1)';
  const parametersOf = (model: sg.nn.Module): sg.Shape[] => {
    for (const tensor of Object.values(model.stateDict())) tensor.dispose();
    return model.parameters().map(({ shape }) => shape);
  };
  return [
    ...[256, 512, 1024].map((size) => matmulCase(size, size < 1024)),
    ...(software ? [] : [2048, 4096]).map((size) => matmulCase(size, false)),

    ...convCases(`${lenet} conv1`, true, conv(256, 1, 28, 6, 5, 2)),
    ...convCases(`${lenet} conv2`, true, conv(256, 6, 14, 16, 5)),
    ...poolCases(`${lenet} avgPool1`, true, 'avg', [256, 6, 28], 2),
    ...poolCases(`${lenet} maxPool1`, true, 'max', [256, 6, 28], 2),
    ...poolCases(`${lenet} maxPool2`, false, 'max', [256, 16, 10], 2),
    ...linearCases(`${lenet} linear1`, true, 256, 400, 120),
    ...linearCases(`${lenet} linear2`, false, 256, 120, 84),
    ...linearCases(`${lenet} linear3`, false, 256, 84, 10),
    ...crossEntropyCases(`${lenet} softmax-CE`, true, 256, 10),
    ...(['SGD', 'Adam'] as const).map((kind) =>
      optimizerCase(
        lenet,
        kind === 'SGD',
        kind,
        () => parametersOf(new sg.models.LeNet5()),
        61_706,
      ),
    ),

    ...convCases(`${cifar} conv1`, false, conv(4, 3, 32, 64, 5, 2)),
    ...convCases(`${cifar} conv2`, false, conv(4, 64, 16, 192, 5, 2)),
    ...convCases(`${cifar} conv3`, true, conv(4, 192, 8, 384, 3, 1)),
    ...convCases(`${cifar} conv4`, false, conv(4, 384, 8, 256, 3, 1)),
    ...convCases(`${cifar} conv5`, false, conv(4, 256, 8, 256, 3, 1)),
    ...batchNormCases(`${cifar} batchNorm1`, true, [4, 64, 32]),
    ...batchNormCases(`${cifar} batchNorm3`, false, [4, 384, 8]),
    ...poolCases(`${cifar} maxPool1`, false, 'max', [4, 64, 32], 2),
    ...linearCases(`${cifar} linear1`, true, 4, 4096, 1024),
    ...linearCases(`${cifar} linear2`, false, 4, 1024, 1024),
    ...dropoutCases(`${cifar} dropout`, true, 4, 1024),
    optimizerCase(cifar, false, 'SGD', () => parametersOf(sg.models.alexNetCifar()), 7_708_746),

    ...convCases(`${alexnet} conv1`, false, conv(1, 3, 227, 64, 11, 2, 4)),
    ...convCases(`${alexnet} conv2`, false, conv(1, 64, 27, 192, 5, 2)),
    ...convCases(`${alexnet} conv3`, false, conv(1, 192, 13, 384, 3, 1)),
    ...convCases(`${alexnet} conv4`, false, conv(1, 384, 13, 256, 3, 1)),
    ...convCases(`${alexnet} conv5`, false, conv(1, 256, 13, 256, 3, 1)),
    ...poolCases(`${alexnet} maxPool1`, false, 'max', [1, 64, 56], 3),
    ...poolCases(`${alexnet} maxPool5`, false, 'max', [1, 256, 13], 3),
    ...linearCases(`${alexnet} linear1`, false, 1, 9216, 4096),
    ...linearCases(`${alexnet} linear2`, false, 1, 4096, 4096),
    ...linearCases(`${alexnet} linear3`, false, 1, 4096, 1000),
    ...crossEntropyCases(`${alexnet} softmax-CE`, false, 1, 1000),
    ...convCases(`${paper} conv2, 2 groups`, false, conv(1, 96, 27, 256, 5, 2, 1, 2)),
    ...lrnCases(`${paper} LRN1`, true, [1, 96, 55]),
    ...lrnCases(`${paper} LRN2`, false, [1, 256, 27]),
  ];
}
