/** The runners in JavaScript: their libraries are installed for the bench alone, so tsc lacks their types. */
declare module '*/tfjs.js' {
  export const open: import('./runner.js').Open;
}
declare module '*/jax.js' {
  export const open: import('./runner.js').Open;
}
declare module '*/onnx.js' {
  export const open: import('./runner.js').Open;
}
