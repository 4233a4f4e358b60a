// TensorFlow.js in its own layout, NHWC with filters HWIO: what it is fastest in.
import * as tf from '@tensorflow/tfjs'; // with its gradients, the CPU and the WebGL backend
import { outSizeOf } from '../cells.ts';
import { batchOf, convData, matmulData, weightsOf } from '../data.ts';

/** @param backend  'webgpu', 'wasm' or 'cpu'. @param wasmPath  Where the WASM backend's files are. */
export async function open({ backend, wasmPath }) {
  if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  if (backend === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(wasmPath);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js: no backend ${backend}`);
  await tf.ready();
  const onGpu = backend === 'webgpu';
  const info = onGpu ? tf.backend().adapterInfo : undefined;
  return {
    info: {
      library: `TensorFlow.js ${tf.version_core}, ${backend}`,
      device: onGpu ? info?.architecture || info?.vendor || 'GPU' : 'CPU',
    },
    enqueues: onGpu,
    prepare: async (cell) => (await makeJob(cell))(),
  };
}

function makeJob(cell) {
  switch (cell.kind) {
    case 'matmul': {
      const { a, b } = matmulData(cell.size);
      const inputs = [a, b].map(toTensor);
      return () => kernel(inputs, () => tf.matMul(...inputs));
    }
    case 'conv':
      return () => convolution(cell);
    case 'infer': {
      const params = paramsOf(cell.network);
      const x = nhwc(batchOf(cell.network, cell.batch).images);
      const inputs = [x, ...Object.values(params)];
      return () => kernel(inputs, () => forward(cell.network, params, x, false));
    }
    default:
      return () => training(cell);
  }
}

const toTensor = ({ shape, data }) => tf.tensor(data, shape);
const moved = (values, axes) => tf.tidy(() => tf.transpose(toTensor(values), axes));
const nhwc = (values) => moved(values, [0, 2, 3, 1]);
const hwio = (values) => moved(values, [2, 3, 1, 0]);

/** Waits for the GPU without reading anything back: its own readback begins with the same calls. */
async function wait() {
  const backend = tf.backend();
  if (!backend.submitQueue) return; // the others work at once
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

function kernel(inputs, compute, toRowMajor = (y) => y.clone()) {
  let y;
  return {
    run: () => {
      y?.dispose();
      y = tf.tidy(compute);
    },
    wait,
    output: async () => {
      const result = tf.tidy(() => toRowMajor(y));
      const data = await result.data();
      result.dispose();
      return data;
    },
    dispose: () => tf.dispose([y, ...inputs]),
  };
}

function convolution({ conv, pass }) {
  const { x, w, dy } = convData(conv);
  const { batch, inC, size, kernel: width, outC, stride, padding } = conv;
  const inputs = [nhwc(x), hwio(w), nhwc(dy)];
  const [images, filter, gradient] = inputs;
  const outSize = outSizeOf(conv);
  // An explicit padding that a stride does not divide evenly needs a rounding mode.
  const mode = (size + 2 * padding - width) % stride === 0 ? undefined : 'floor';
  if (pass === 'forward') {
    const compute = () => tf.conv2d(images, filter, stride, padding, 'NHWC', 1, mode);
    return kernel(inputs, compute, (y) => tf.transpose(y, [0, 3, 1, 2]));
  }
  const attributes = {
    strides: [stride, stride],
    pad: padding,
    dataFormat: 'NHWC',
    dimRoundingMode: mode,
  };
  if (pass === 'input gradient') {
    const inputShape = [batch, size, size, inC];
    const compute = () =>
      tf
        .engine()
        .runKernel('Conv2DBackpropInput', { dy: gradient, filter }, { ...attributes, inputShape });
    return kernel(inputs, compute, (dx) => tf.transpose(dx, [0, 3, 1, 2]));
  }
  if (gradient.shape[1] !== outSize) throw new Error('the gradient has another size');
  const filterShape = [width, width, inC, outC];
  const compute = () =>
    tf
      .engine()
      .runKernel(
        'Conv2DBackpropFilter',
        { x: images, dy: gradient },
        { ...attributes, filterShape },
      );
  return kernel(inputs, compute, (dw) => tf.transpose(dw, [3, 2, 0, 1]));
}

/** The parameters under our keys, in TensorFlow.js' layouts. */
function paramsOf(network, variable = false) {
  const weights = weightsOf(network);
  const params = {};
  let flat; // the planes in front of the first dense layer, which are HWC here and not CHW
  for (const layer of network.layers) {
    if (layer.kind === 'flatten') flat = layer;
    if (layer.kind === 'conv') add(`${layer.name}.weight`, hwio);
    if (layer.kind === 'linear') {
      const planes = flat;
      flat = undefined;
      add(`${layer.name}.weight`, (values) =>
        tf.tidy(() => {
          if (!planes) return tf.transpose(toTensor(values));
          const { channels, size } = planes;
          const cube = tf.tensor(values.data, [layer.outSize, channels, size, size]);
          return tf.reshape(tf.transpose(cube, [2, 3, 1, 0]), [layer.inSize, layer.outSize]);
        }),
      );
    }
    if (layer.kind === 'norm') {
      for (const name of ['weight', 'running_mean', 'running_var']) add(`${layer.name}.${name}`);
    }
    if (layer.name) add(`${layer.name}.bias`);
  }
  return params;

  function add(name, convert = toTensor) {
    const value = convert(weights[name]);
    params[name] = variable ? tf.variable(value, !name.includes('running_')) : value;
    if (variable) value.dispose();
  }
}

function forward(network, params, images, isTraining) {
  let x = images;
  for (const layer of network.layers) {
    const weight = params[`${layer.name}.weight`];
    const bias = params[`${layer.name}.bias`];
    if (layer.kind === 'conv') {
      x = tf.add(tf.conv2d(x, weight, layer.stride, layer.padding, 'NHWC', 1, 'floor'), bias);
    } else if (layer.kind === 'linear') {
      x = tf.add(tf.matMul(x, weight), bias);
    } else if (layer.kind === 'flatten') {
      x = tf.reshape(x, [x.shape[0], -1]);
    } else if (layer.kind === 'pool') {
      const pool = layer.mode === 'max' ? tf.maxPool : tf.avgPool;
      x = pool(x, layer.window, layer.stride, 'valid');
    } else if (layer.kind === 'norm') {
      if (!isTraining) throw new Error('batch norm is for training alone here');
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      track(params[`${layer.name}.running_mean`], mean, layer.momentum);
      track(params[`${layer.name}.running_var`], variance, layer.momentum);
      x = tf.batchNorm(x, mean, variance, bias, weight, layer.eps);
    } else {
      x = tf[layer.kind](x);
    }
  }
  return x;
}

function track(running, value, momentum) {
  running.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(value, momentum)));
}

function training({ network, batch, sgd }) {
  const params = paramsOf(network, true);
  const { images, labels } = batchOf(network, batch);
  const x = nhwc(images);
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), network.classes));
  const optimizer =
    sgd.momentum === 0 ? tf.train.sgd(sgd.lr) : tf.train.momentum(sgd.lr, sgd.momentum);
  const trained = Object.values(params).filter(({ trainable }) => trainable);
  let loss;
  return {
    run: () => {
      loss?.dispose();
      loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(y, forward(network, params, x, true)),
        true,
        trained,
      );
    },
    wait,
    output: () => loss.data(),
    dispose: () => {
      tf.dispose([loss, x, y, ...Object.values(params)]);
      optimizer.dispose();
    },
  };
}
