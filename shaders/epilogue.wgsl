// epilogue: the activation function at the end of a kernel, chosen by RELU, SIGMOID or TANH.
// Needs activation.wgsl.

fn activate(x: f32) -> f32 {
#if RELU
  return max(x, 0.0);
#elif SIGMOID
  return sigmoid(x);
#elif TANH
  return stableTanh(x);
#else
  return x;
#endif
}

// The derivative of activate, where its result is y.
fn slope(y: f32) -> f32 {
#if RELU
  return select(0.0, 1.0, y > 0.0);
#elif SIGMOID
  return y * (1.0 - y);
#elif TANH
  return 1.0 - y * y;
#else
  return 1.0;
#endif
}
