// epilogue: the activation function at the end of a kernel, chosen by RELU, SIGMOID or TANH.
// Needs activation.wgsl.

fn activate(x: f32) -> f32 {
#if RELU
  // NaN stays NaN, by the bits: a compiler may assume that there is none.
  return select(max(x, 0.0), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
#elif SIGMOID
  return sigmoid(x);
#elif TANH
  return stableTanh(x);
#else
  return x;
#endif
}

// dL/dx where y = activate(x).
fn activationGradient(dy: f32, y: f32) -> f32 {
#if RELU
  return select(0.0, dy, y > 0.0);
#elif SIGMOID
  return dy * y * (1.0 - y);
#elif TANH
  return dy * (1.0 - y * y);
#else
  return dy;
#endif
}

fn activateQuad(x: vec4f) -> vec4f {
  return vec4f(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
}

fn quadGradient(dy: vec4f, y: vec4f) -> vec4f {
  return vec4f(
    activationGradient(dy.x, y.x),
    activationGradient(dy.y, y.y),
    activationGradient(dy.z, y.z),
    activationGradient(dy.w, y.w));
}
