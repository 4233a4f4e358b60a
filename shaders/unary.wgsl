// unary: y = f(x) for each element.
// Dispatched by src/autograd/ops/unary.ts, which has the formulas.
//
//   forward    x -> y
//   backward   dy, kept -> dx   kept is x or y, whichever f's derivative is written in
//
// A thread takes several elements: its start costs as much as some of them.

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> kept: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;

fn value(x: f32) -> f32 {
#if NEG
  return -x;
#elif ABS
  return abs(x);
#elif EXP
  return exp(x);
#elif LOG
  return log(x);
#elif SQRT
  return sqrt(x);
#elif SQUARE
  return x * x;
#elif RELU
  return max(x, 0.0);
#elif SIGMOID
  return sigmoid(x);
#elif TANH
  return stableTanh(x);
#endif
}

// The derivative at the element that was kept.
fn slope(kept: f32) -> f32 {
#if NEG
  return -1.0;
#elif ABS
  return sign(kept);
#elif EXP
  return kept;
#elif LOG
  return 1.0 / kept;
#elif SQRT
  return 0.5 / kept;
#elif SQUARE
  return 2.0 * kept;
#elif RELU
  return select(0.0, 1.0, kept > 0.0);
#elif SIGMOID
  return kept * (1.0 - kept);
#elif TANH
  return 1.0 - kept * kept;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    y[i] = scalar(value(f32(x[i])));
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    dx[i] = scalar(f32(dy[i]) * slope(f32(kept[i])));
  }
}
