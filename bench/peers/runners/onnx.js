// onnxruntime-node on the CPU: what a native library reaches, for scale. Inference alone.
import onnxProto from 'onnx-proto'; // CommonJS
import * as ort from 'onnxruntime-node';
import { batchOf, convData, matmulData, weightsOf } from '../data.ts';

const { onnx } = onnxProto;

const FLOAT = 1; // onnx.TensorProto.DataType.FLOAT
const OPSET = 17;
const NAMES = { relu: 'Relu', sigmoid: 'Sigmoid' };

export async function open({ version }) {
  return {
    info: { library: `onnxruntime-node ${version}`, device: 'CPU' },
    enqueues: false,
    prepare: makeJob,
  };
}

async function makeJob(cell) {
  if (cell.kind === 'matmul') {
    return session(matmulData(cell.size), {}, [node('MatMul', ['a', 'b'], 'y')]);
  }
  if (cell.kind === 'conv' && cell.pass === 'forward') {
    const { x, w } = convData(cell.conv);
    return session({ x }, { w }, [node('Conv', ['x', 'w'], 'y', windowOf(cell.conv))]);
  }
  if (cell.kind !== 'infer') throw new Error(`onnxruntime: no ${cell.kind}`);
  const { network, batch } = cell;
  const nodes = network.layers.map((layer, i) => {
    const input = i === 0 ? 'x' : `y${i - 1}`;
    const output = i === network.layers.length - 1 ? 'y' : `y${i}`;
    const inputs = [input, `${layer.name}.weight`, `${layer.name}.bias`];
    switch (layer.kind) {
      case 'conv':
        return node('Conv', inputs, output, windowOf(layer));
      case 'linear':
        return node('Gemm', inputs, output, { transB: 1 });
      case 'pool': {
        const { window, stride } = layer;
        const attributes = { kernel_shape: [window, window], strides: [stride, stride] };
        return node(layer.mode === 'max' ? 'MaxPool' : 'AveragePool', [input], output, attributes);
      }
      case 'flatten':
        return node('Flatten', [input], output);
      default:
        return node(NAMES[layer.kind], [input], output);
    }
  });
  return session({ x: batchOf(network, batch).images }, weightsOf(network), nodes);
}

function windowOf({ kernel, stride, padding }) {
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  };
}

function node(opType, input, output, attributes = {}) {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    Array.isArray(value)
      ? { name, ints: value, type: onnx.AttributeProto.AttributeType.INTS }
      : { name, i: value, type: onnx.AttributeProto.AttributeType.INT },
  );
  return { opType, input, output: [output], attribute };
}

async function session(inputs, weights, nodes) {
  const valueInfo = (name, shape) => ({
    name,
    type: { tensorType: { elemType: FLOAT, shape: { dim: shape.map((d) => ({ dimValue: d })) } } },
  });
  const model = onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: 'bench',
      node: nodes,
      input: Object.entries(inputs).map(([name, { shape }]) => valueInfo(name, shape)),
      output: [{ name: 'y', type: { tensorType: { elemType: FLOAT } } }],
      initializer: Object.entries(weights).map(([name, { shape, data }]) => ({
        name,
        dataType: FLOAT,
        dims: shape,
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
    },
  }).finish();
  const compiled = await ort.InferenceSession.create(model);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      new ort.Tensor('float32', data, shape),
    ]),
  );
  let running;
  return {
    run: () => (running = compiled.run(feeds)),
    wait: async () => void (await running),
    output: async () => (await running).y.data,
    dispose: () => void compiled.release(),
  };
}
