import type { Tensor } from '../tensor/tensor.js';

/** What a hook needs of a Module. */
interface Hooked {
  forward(...inputs: Tensor[]): Tensor;
}

/**
 * Runs `fn` while `around` stands in for the forward of each of `modules`: it calls `forward()`,
 * and what it returns is the result. What modules compute with a later one in one kernel, they
 * compute alone meanwhile.
 */
export function withForwardHooks<M extends Hooked, T>(
  modules: readonly M[],
  around: (module: M, inputs: Tensor[], forward: () => Tensor) => Tensor,
  fn: () => T,
): T {
  const restore = modules.map((module) => {
    const own = Object.getOwnPropertyDescriptor(module, 'forward');
    const forward = module.forward.bind(module);
    // An own property shadows the method until it is deleted.
    module.forward = (...inputs) => around(module, inputs, () => forward(...inputs));
    return () => {
      delete (module as Partial<Hooked>).forward;
      if (own) Object.defineProperty(module, 'forward', own);
    };
  });
  try {
    return fn();
  } finally {
    for (const undo of restore) undo();
  }
}
