// lossScale: dL/d(the loss of one element or row), from dL/d(what forward gave). By EACH that was
// every loss, else their sum over `divisor`. Needs the arrays dy and divisor.

fn scaleOf(i: u32) -> f32 {
#if EACH
  return f32(dy[i]);
#else
  return f32(dy[0]) / divisor[0];
#endif
}
