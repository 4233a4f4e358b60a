// activation: functions that several kernels apply, stable over the whole range of f32.

fn sigmoid(x: f32) -> f32 {
  // exp of a negative number alone, which cannot overflow
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn stableTanh(x: f32) -> f32 {
  // Drivers compute tanh as a quotient of exponentials, which is NaN for large x; beyond 10 it is
  // 1 in f32.
  return tanh(clamp(x, -10.0, 10.0));
}
