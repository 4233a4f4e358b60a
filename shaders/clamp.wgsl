// clamp: each element limited to [low, high]; LOW and HIGH say which of the limits there are.
// Dispatched by src/autograd/ops/clamp.ts, which has the formulas.
//
//   forward    x -> y
//   backward   dy, x -> dx
//
// Each thread takes several elements. Limits are rounded to the type of x. NaN stays NaN.

struct Params {
  count: u32,
  low: u32, // the bits of T
  high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if BACKWARD
@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read> x: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;
#else
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
#endif

fn low() -> T {
  return T(scalar(bitcast<T>(params.low)));
}

fn high() -> T {
  return T(scalar(bitcast<T>(params.high)));
}

fn limit(x: T) -> T {
  var y = x;
  if (isNan(x)) {
    return y;
  }
#if LOW
  y = max(y, low());
#endif
#if HIGH
  y = min(y, high());
#endif
  return y;
}

#if BACKWARD
// Whether the gradient passes: at one limit it does, at either of two it does not.
fn passes(x: T) -> bool {
  let y = limit(x);
  if (isNan(x)) {
    return false;
  }
#if LOW
#if HIGH
  return low() < y && y < high();
#endif
#endif
  return x == y;
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    dx[i] = select(scalar(0), dy[i], passes(T(x[i])));
  }
}
#else
@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    y[i] = scalar(limit(T(x[i])));
  }
}
#endif
