import type { Callback } from './callback.js';

// Says that it has the hooks that it was given.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface LambdaCallback extends Callback {}

/**
 * A callback of some functions. An object with the functions is one too.
 * Source: https://keras.io/api/callbacks/lambda_callback/
 *
 * @example
 * new LambdaCallback({ onEpochEnd: ({ epoch, loss }) => console.log(epoch, loss) });
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class LambdaCallback {
  constructor(hooks: Callback) {
    Object.assign(this, hooks);
  }
}
