import { Conv2d, init, Linear, type Module } from '../nn/index.js';

/** Keras' initial values: Glorot-uniform weights, biases of 0. @returns the model. */
export function initializeAsKeras<M extends Module>(model: M): M {
  for (const layer of model.modules()) {
    if (layer instanceof Conv2d || layer instanceof Linear) {
      init.xavierUniform_(layer.weight);
      if (layer.bias) init.zeros_(layer.bias);
    }
  }
  return model;
}

/** Keras' epsilon of Adam; PyTorch's is 1e-8. */
export const KERAS_ADAM_EPS = 1e-7;
