import * as sg from 'shadegrad';
import type { Tensor } from 'shadegrad';

/** `never` fits every type: the files say what the options are. */
type Options = Record<string, never>;
type Inputs = Record<string, Tensor>;
type Run = (inputs: Inputs, options: Options) => Tensor | Tensor[];

const F = sg.nn.functional;

/** A method of two tensors, or of a tensor and a number. */
const two =
  (run: (input: Tensor, other: Tensor | number) => Tensor): Run =>
  ({ input, other }, { number }) =>
    run(input!, other ?? number);

/** A method of one tensor. */
const one =
  (run: (input: Tensor) => Tensor): Run =>
  ({ input }) =>
    run(input!);

/** Several steps of training, then one in eval(): the outputs, then the statistics. */
function batchNorm(Layer: typeof sg.nn.BatchNorm1d | typeof sg.nn.BatchNorm2d): Run {
  return ({ weight, bias, evaluated, ...steps }, { numFeatures, ...options }) => {
    const layer = new Layer(numFeatures, options);
    if (weight) {
      layer.weight!.dispose();
      layer.bias!.dispose();
      Object.assign(layer, { weight, bias });
    }
    const outputs = Object.values(steps).map((x) => layer.forward(x));
    outputs.push(layer.eval().forward(evaluated!));
    const { runningMean, runningVar, numBatchesTracked } = layer;
    return runningMean ? [...outputs, runningMean, runningVar!, numBatchesTracked!] : outputs;
  };
}

/** The library's side of the golden cases: what each op does with inputs and options. */
export const FUNCTIONS: Record<string, Run> = {
  // Convolutions and pooling
  conv2d: ({ input, weight, bias }, options) => F.conv2d(input!, weight!, bias, options),
  convTranspose2d: ({ input, weight, bias }, options) =>
    F.convTranspose2d(input!, weight!, bias, options),
  avgPool2d: ({ input }, { kernelSize, ...options }) => F.avgPool2d(input!, kernelSize, options),
  maxPool2d({ input }, { kernelSize, returnIndices, ...options }) {
    const pool = returnIndices ? F.maxPool2dWithIndices : F.maxPool2d;
    return pool(input!, kernelSize, options);
  },
  adaptiveAvgPool2d: ({ input }, { outputSize }) => F.adaptiveAvgPool2d(input!, outputSize),
  adaptiveMaxPool2d({ input }, { outputSize, returnIndices }) {
    const pool = returnIndices ? F.adaptiveMaxPool2dWithIndices : F.adaptiveMaxPool2d;
    return pool(input!, outputSize);
  },

  // Normalisation
  BatchNorm1d: batchNorm(sg.nn.BatchNorm1d),
  BatchNorm2d: batchNorm(sg.nn.BatchNorm2d),
  layerNorm: ({ input, weight, bias }, { normalizedShape, eps }) =>
    F.layerNorm(input!, normalizedShape, weight, bias, eps),
  localResponseNorm: ({ input }, { size, ...options }) =>
    F.localResponseNorm(input!, size, options),

  // Products
  matmul({ input, other }, options) {
    const transposed: readonly string[] = options.transposed ?? [];
    const a = transposed.includes('input') ? input!.transpose(-1, -2) : input!;
    return a.matmul(transposed.includes('other') ? other!.transpose(-1, -2) : other!);
  },
  mm: two((x, y) => x.mm(y as Tensor)),
  mv: two((x, y) => x.mv(y as Tensor)),
  bmm: two((x, y) => x.bmm(y as Tensor)),
  dot: two((x, y) => x.dot(y as Tensor)),
  outer: two((x, y) => x.outer(y as Tensor)),
  linear: ({ input, weight, bias }) => F.linear(input!, weight!, bias),

  // Losses
  crossEntropy: ({ input, target, weight }, options) =>
    F.crossEntropy(input!, target!, { weight, ...options }),
  nllLoss: ({ input, target, weight }, options) =>
    F.nllLoss(input!, target!, { weight, ...options }),
  mseLoss: ({ input, target }, options) => F.mseLoss(input!, target!, options),
  l1Loss: ({ input, target }, options) => F.l1Loss(input!, target!, options),
  smoothL1Loss: ({ input, target }, options) => F.smoothL1Loss(input!, target!, options),
  huberLoss: ({ input, target }, options) => F.huberLoss(input!, target!, options),
  binaryCrossEntropyWithLogits: ({ input, target, weight, posWeight }, options) =>
    F.binaryCrossEntropyWithLogits(input!, target!, { weight, posWeight, ...options }),

  // Elementwise
  add: two((x, y) => x.add(y)),
  sub: two((x, y) => x.sub(y)),
  mul: two((x, y) => x.mul(y)),
  div: two((x, y) => x.div(y)),
  pow: two((x, y) => x.pow(y)),
  remainder: two((x, y) => x.remainder(y)),
  fmod: two((x, y) => x.fmod(y)),
  rsub: ({ input }, { number }) => input!.rsub(number),
  rdiv: ({ input }, { number }) => input!.rdiv(number),
  rpow: ({ input }, { number }) => input!.rpow(number),
  maximum: two((x, y) => x.maximum(y)),
  minimum: two((x, y) => x.minimum(y)),
  eq: two((x, y) => x.eq(y)),
  ne: two((x, y) => x.ne(y)),
  lt: two((x, y) => x.lt(y)),
  le: two((x, y) => x.le(y)),
  gt: two((x, y) => x.gt(y)),
  ge: two((x, y) => x.ge(y)),
  where: ({ condition, input, other }, { number }) => input!.where(condition!, other ?? number),
  clamp: ({ input }, { min, max }) => input!.clamp(min, max),
  neg: one((x) => x.neg()),
  abs: one((x) => x.abs()),
  exp: one((x) => x.exp()),
  log: one((x) => x.log()),
  sqrt: one((x) => x.sqrt()),
  square: one((x) => x.square()),
  reciprocal: one((x) => x.reciprocal()),
  rsqrt: one((x) => x.rsqrt()),
  sin: one((x) => x.sin()),
  cos: one((x) => x.cos()),
  sign: one((x) => x.sign()),
  floor: one((x) => x.floor()),
  ceil: one((x) => x.ceil()),
  round: one((x) => x.round()),
  relu: one((x) => x.relu()),
  relu6: one((x) => F.relu6(x)),
  silu: one((x) => x.silu()),
  sigmoid: one((x) => x.sigmoid()),
  tanh: one((x) => x.tanh()),
  hardtanh: ({ input }, { minVal, maxVal }) => input!.hardtanh(minVal, maxVal),
  leakyRelu: ({ input }, { negativeSlope }) => input!.leakyRelu(negativeSlope),
  elu: ({ input }, { alpha }) => input!.elu(alpha),
  gelu: ({ input }, options) => input!.gelu(options),
  softplus: ({ input }, { beta, threshold }) => input!.softplus(beta, threshold),
  softmax: ({ input }, { dim }) => input!.softmax(dim),
  logSoftmax: ({ input }, { dim }) => input!.logSoftmax(dim),

  // Reductions
  sum: ({ input }, { dim, keepdim }) => input!.sum(dim, keepdim),
  mean: ({ input }, { dim, keepdim }) => input!.mean(dim, keepdim),
  max: ({ input }, { dim, keepdim }) => input!.max(dim, keepdim),
  min: ({ input }, { dim, keepdim }) => input!.min(dim, keepdim),
  variance: ({ input }, { dim, ...options }) => input!.variance(dim, options),
  std: ({ input }, { dim, ...options }) => input!.std(dim, options),
  prod: ({ input }, { dim, keepdim }) => input!.prod(dim, keepdim),
  // Infinity is a string there.
  norm: ({ input }, { p, dim, keepdim }) => input!.norm(Number(p ?? 2), dim, keepdim),
  any: ({ input }, { dim, keepdim }) => input!.any(dim, keepdim),
  all: ({ input }, { dim, keepdim }) => input!.all(dim, keepdim),
  maxWithIndices: ({ input }, { dim, keepdim }) => input!.maxWithIndices(dim, keepdim),
  minWithIndices: ({ input }, { dim, keepdim }) => input!.minWithIndices(dim, keepdim),
  argmax: ({ input }, { dim, keepdim }) => input!.argmax(dim, keepdim),
  argmin: ({ input }, { dim, keepdim }) => input!.argmin(dim, keepdim),

  // Shapes
  reshape: ({ input }, { shape }) => input!.reshape(shape),
  flatten: ({ input }, { startDim, endDim }) => input!.flatten(startDim, endDim),
  squeeze: ({ input }, { dim }) => input!.squeeze(dim),
  unsqueeze: ({ input }, { dim }) => input!.unsqueeze(dim),
  transpose: ({ input }, { dims }) => input!.transpose(dims[0], dims[1]),
  permute: ({ input }, { dims }) => input!.permute(dims),
  slice: ({ input }, { dim, start, end, step }) => input!.slice(dim, start, end, step),
  select: ({ input }, { dim, index }) => input!.select(dim, index),
  expand: ({ input }, { shape }) => input!.expand(shape),
  cat: (inputs, { dim }) => sg.cat(Object.values(inputs), dim),
  stack: (inputs, { dim }) => sg.stack(Object.values(inputs), dim),
  split: ({ input }, { size, dim }) => input!.split(size, dim),
  chunk: ({ input }, { chunks, dim }) => input!.chunk(chunks, dim),
  narrow: ({ input }, { dim, start, length }) => input!.narrow(dim, start, length),
  repeat: ({ input }, { sizes }) => input!.repeat(sizes),
  tile: ({ input }, { sizes }) => input!.tile(sizes),
  roll: ({ input }, { shifts, dims }) => input!.roll(shifts, dims),
  pad: ({ input }, { pad, ...options }) => F.pad(input!, pad, options),
  flip: ({ input }, { dims }) => input!.flip(dims),
  cumsum: ({ input }, { dim }) => input!.cumsum(dim),
  gather: ({ input, index }, { dim }) => input!.gather(dim, index!),
  indexSelect: ({ input, index }, { dim }) => input!.indexSelect(dim, index!),
  sort: ({ input }, { dim, ...options }) => input!.sort(dim, options),
  argsort: ({ input }, { dim, ...options }) => input!.argsort(dim, options),
  topk: ({ input }, { k, dim, ...options }) => input!.topk(k, dim, options),
  // In f32, ready to be multiplied; PyTorch's is of integers.
  oneHot: ({ input }, { numClasses }) => F.oneHot(input!, numClasses).to('i32'),
};
