// jax-js: each cell is one `jit`.
import * as jax from '@jax-js/jax';
import { batchOf, convData, matmulData, weightsOf } from '../data.ts';

const { jit, lax, nn, numpy: np, tree, valueAndGrad, vjp } = jax;

/** @param backend  'webgpu' or 'wasm'. */
export async function open({ backend, version }) {
  const found = await jax.init(backend);
  if (!found.includes(backend)) throw new Error(`jax-js: no backend ${backend}`);
  jax.defaultDevice(backend);
  return {
    info: {
      library: `jax-js ${version}, ${backend}`,
      device: backend === 'webgpu' ? 'GPU' : 'CPU',
    },
    enqueues: backend === 'webgpu',
    prepare: makeJob,
  };
}

async function makeJob(cell) {
  switch (cell.kind) {
    case 'matmul': {
      const { a, b } = matmulData(cell.size);
      return kernel([a, b].map(toArray), (x, y) => np.matmul(x, y));
    }
    case 'conv':
      return convolution(cell);
    case 'infer': {
      const { network, batch } = cell;
      const x = toArray(batchOf(network, batch).images);
      return kernel(
        [paramsOf(network), x],
        (params, images) => forward(network, params, images)[0],
      );
    }
    default:
      return training(cell);
  }
}

const toArray = ({ shape, data }) => np.array(data).reshape(shape);

function kernel(inputs, compute) {
  const compiled = jit(compute);
  let y;
  return {
    run: () => {
      y?.dispose();
      y = compiled(...inputs.map((input) => tree.ref(input)));
    },
    wait: async () => void (await jax.blockUntilReady(y)),
    output: () => y.ref.data(),
    dispose: () => {
      tree.dispose([y, ...inputs]);
      compiled.dispose();
    },
  };
}

function convolution({ conv, pass }) {
  const { x, w, dy } = convData(conv);
  const { stride, padding } = conv;
  const apply = (images, filter) => convolve(images, filter, stride, padding);
  if (pass === 'forward') return kernel([x, w].map(toArray), apply);
  const [fixed, wanted] = pass === 'input gradient' ? [w, x] : [x, w];
  // The forward convolution is in no result, so that jit leaves it out.
  return kernel([wanted, fixed, dy].map(toArray), (at, other, gradient) => {
    const f = pass === 'input gradient' ? (v) => apply(v, other) : (v) => apply(other, v);
    const [y, back] = vjp(f, [at]);
    y.dispose();
    const [result] = back(gradient);
    back.dispose();
    return result;
  });
}

function convolve(x, w, stride, padding) {
  const pad = [padding, padding];
  return lax.convGeneralDilated(x, w, [stride, stride], [pad, pad]);
}

const paramsOf = (network) =>
  Object.fromEntries(
    Object.entries(weightsOf(network)).map(([name, values]) => [name, toArray(values)]),
  );

/** Logits, and the running statistics of batch norm as this batch leaves them. */
function forward(network, params, images) {
  const running = {};
  let x = images;
  for (const layer of network.layers) {
    const weight = params[`${layer.name}.weight`];
    const bias = params[`${layer.name}.bias`];
    if (layer.kind === 'conv') {
      const y = convolve(x, weight.ref, layer.stride, layer.padding);
      x = y.add(bias.ref.reshape([1, layer.outC, 1, 1]));
    } else if (layer.kind === 'linear') {
      x = np.matmul(x, np.transpose(weight.ref)).add(bias.ref);
    } else if (layer.kind === 'flatten') {
      x = x.reshape([x.shape[0], -1]);
    } else if (layer.kind === 'pool') {
      x = pool(x, layer);
    } else if (layer.kind === 'norm') {
      const mean = np.mean(x.ref, [0, 2, 3]);
      const centred = x.sub(mean.ref.reshape([1, layer.channels, 1, 1]));
      const variance = np.mean(np.square(centred.ref), [0, 2, 3]);
      const scale = weight.ref.div(np.sqrt(variance.ref.add(layer.eps)));
      const shape = [1, layer.channels, 1, 1];
      x = centred.mul(scale.reshape(shape)).add(bias.ref.reshape(shape));
      for (const [name, value] of Object.entries({ running_mean: mean, running_var: variance })) {
        const key = `${layer.name}.${name}`;
        const kept = params[key].ref.mul(1 - layer.momentum);
        running[key] = kept.add(lax.stopGradient(value).mul(layer.momentum));
      }
    } else {
      x = nn[layer.kind](x);
    }
  }
  tree.dispose(params);
  return [x, running];
}

function pool(x, { mode, window, stride }) {
  const reduce = mode === 'max' ? np.max : np.mean;
  const [n, c, h, w] = x.shape;
  // Windows side by side are a reshape, which jax-js differentiates without scattering.
  if (window === stride && h % window === 0 && w % window === 0) {
    return reduce(x.reshape([n, c, h / window, window, w / window, window]), [3, 5]);
  }
  return lax.reduceWindow(x, reduce, [window, window], [stride, stride]);
}

function training({ network, batch, sgd }) {
  const { images, labels } = batchOf(network, batch);
  const x = toArray({ shape: images.shape, data: images.data });
  const y = nn.oneHot(np.array(labels), network.classes);
  const all = Object.entries(paramsOf(network));
  const pick = (wanted) => Object.fromEntries(all.filter(([name]) => wanted(name)));
  let params = pick((name) => !name.includes('running_'));
  let running = pick((name) => name.includes('running_'));
  let momenta = sgd.momentum === 0 ? {} : tree.map((p) => np.zerosLike(p.ref), params);

  const lossOf = (trained, fixed, inputs, targets) => {
    const [logits, statistics] = forward(network, { ...trained, ...fixed }, inputs);
    const logP = nn.logSoftmax(logits);
    return [np.sum(logP.mul(targets)).mul(-1 / batch), statistics];
  };
  const step = jit((trained, fixed, velocities, inputs, targets) => {
    const differentiate = valueAndGrad(lossOf, { hasAux: true });
    const [[loss, statistics], gradients] = differentiate(
      tree.ref(trained),
      fixed,
      inputs,
      targets,
    );
    if (sgd.momentum === 0) {
      const stepped = tree.map((p, g) => p.sub(g.mul(sgd.lr)), trained, gradients);
      return [loss, stepped, statistics, {}];
    }
    const next = tree.map((v, g) => v.mul(sgd.momentum).add(g), velocities, gradients);
    const stepped = tree.map((p, v) => p.sub(v.ref.mul(sgd.lr)), trained, next);
    return [loss, stepped, statistics, next];
  });

  let loss;
  return {
    run: () => {
      loss?.dispose();
      [loss, params, running, momenta] = step(params, running, momenta, x.ref, y.ref);
    },
    wait: async () => void (await jax.blockUntilReady([loss, params])),
    output: () => loss.ref.data(),
    dispose: () => {
      tree.dispose([loss, params, running, momenta, x, y]);
      step.dispose();
    },
  };
}
