/** shadegrad: steps and inference captured and replayed, or plain. */
import * as sg from 'shadegrad';
import type { Cell, CellOf, Network } from '../cells.js';
import { batchOf, convData, matmulData, weightsOf, type Values } from '../data.js';
import type { Job, OpenOptions, Runner } from './runner.js';

const { functional, CrossEntropyLoss } = sg.nn;

export async function open({ captured = false }: OpenOptions): Promise<Runner> {
  const { info } = await sg.init({ onNote: () => undefined });
  return {
    info: { library: 'shadegrad', device: info.description || info.architecture },
    enqueues: true,
    prepare: (cell) => prepare(cell, captured),
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- other runners do have to wait
async function prepare(cell: Cell, captured: boolean): Promise<Job> {
  switch (cell.kind) {
    case 'matmul': {
      const { a, b } = matmulData(cell.size);
      return inference([toTensor(a), toTensor(b)], ([x, y]) => x!.matmul(y!));
    }
    case 'conv':
      return convolution(cell);
    case 'infer': {
      const { network, batch } = cell;
      const model = modelOf(network);
      model.eval();
      const images = toTensor(batchOf(network, batch).images);
      return inference([images], ([x]) => model.forward(x!), { model, captured });
    }
    case 'train':
    case 'start':
    case 'memory':
      return training(cell, captured);
  }
}

const toTensor = ({ shape, data }: Values): sg.Tensor => sg.tensor(data, { shape }).retain();

function inference(
  inputs: sg.Tensor[],
  forward: (inputs: sg.Tensor[]) => sg.Tensor,
  { model, captured = false }: { model?: sg.nn.Module; captured?: boolean } = {},
): Job {
  const plain = (...inputs: sg.Tensor[]): sg.Tensor => sg.noGrad(() => forward(inputs));
  const replayed = captured ? sg.capture(plain) : undefined;
  let y: sg.Tensor | undefined;
  return {
    run: () => {
      if (!replayed) y?.dispose();
      y = (replayed ?? plain)(...inputs);
    },
    wait: () => sg.sync(),
    output: () => y!.data(),
    dispose: () => {
      replayed?.dispose();
      for (const tensor of [y, ...inputs]) tensor?.dispose();
      model?.dispose();
    },
  };
}

function convolution({ conv, pass }: CellOf<'conv'>): Job {
  const { stride, padding } = conv;
  const [x, w, dy] = Object.values(convData(conv)).map(toTensor) as [
    sg.Tensor,
    sg.Tensor,
    sg.Tensor,
  ];
  const forward = (): sg.Tensor => functional.conv2d(x, w, null, { stride, padding });
  if (pass === 'forward') return inference([x, w, dy], forward);

  const wanted = pass === 'input gradient' ? x : w;
  wanted.requiresGrad = true;
  let y: sg.Tensor;
  return {
    before: async () => {
      wanted.grad = null;
      y = forward();
      await sg.sync();
    },
    run: () => y.backward({ gradient: dy }),
    wait: () => sg.sync(),
    output: () => wanted.grad!.data(),
    dispose: () => {
      for (const tensor of [x, w, dy]) tensor.dispose();
    },
  };
}

function training(
  { network, batch, sgd }: CellOf<'train' | 'start' | 'memory'>,
  captured: boolean,
): Job {
  const model = modelOf(network);
  const criterion = new CrossEntropyLoss();
  const optimizer = new sg.optim.SGD(model.parameters(), sgd);
  const { images, labels } = batchOf(network, batch);
  const x = toTensor(images);
  const y = sg.tensor(labels).retain();
  const plain = (x: sg.Tensor, y: sg.Tensor): sg.Tensor => {
    const loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  const replayed = captured ? sg.capture(plain) : undefined;
  let loss: sg.Tensor;
  return {
    run: () => (loss = (replayed ?? plain)(x, y)),
    wait: () => sg.sync(),
    output: async () => [await loss.item()],
    dispose: () => {
      replayed?.dispose();
      for (const tensor of [x, y]) tensor.dispose();
      optimizer.dispose();
      model.dispose();
    },
  };
}

function modelOf(network: Network): sg.nn.Module {
  const model = emptyModel(network.name);
  model.loadStateDict(weightsOf(network), { strict: false });
  return model;
}

function emptyModel(name: Network['name']): sg.nn.Module {
  const { AlexNet, alexNetCifar, LeNet5 } = sg.models;
  switch (name) {
    case 'lenet5-classic':
      return new LeNet5();
    case 'lenet5-relu':
      return new LeNet5({ activation: 'relu', pool: 'max' });
    case 'alexnet-cifar':
      return alexNetCifar({ dropout: 0 });
    case 'alexnet':
      return new AlexNet();
  }
}
