// elementLoss: losses that compare x with a target element by element.
// Dispatched by src/autograd/ops/elementLoss.ts, which has the formulas.
//
//   forward    x, target, weight, posWeight -> losses
//              with EACH every loss, else in `parts` sums: each thread adds up several
//   backward   x, target, weight, posWeight, dy, divisor -> dx, or with TARGET dTarget
//
// The kinds are SQUARED, ABSOLUTE (rounded off near 0) and LOGISTIC. The last one alone has the
// weights, which broadcast (strides.wgsl): `weight` is a of that, `posWeight` b.

struct Params {
  count: u32,
  parts: u32,
  knee: f32, // where ABSOLUTE becomes a straight line
  factor: f32, // of ABSOLUTE
  size0: u32,
  size1: u32,
  size2: u32,
  size3: u32,
  size4: u32,
  a0: u32,
  a1: u32,
  a2: u32,
  a3: u32,
  a4: u32,
  aOuter: u32,
  aOffset: u32,
  b0: u32,
  b1: u32,
  b2: u32,
  b3: u32,
  b4: u32,
  bOuter: u32,
  bOffset: u32,
}

#if EACH
alias Loss = scalar;
#else
alias Loss = f32;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> goal: array<scalar>;
@group(0) @binding(3) var<storage, read> weight: array<scalar>;
@group(0) @binding(4) var<storage, read> posWeight: array<scalar>;
@group(0) @binding(5) var<storage, read_write> losses: array<Loss>;

@group(0) @binding(5) var<storage, read> dy: array<scalar>;
@group(0) @binding(6) var<storage, read> divisor: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<scalar>;

// (weight, posWeight) of element i
fn weightsOf(i: u32) -> vec2f {
  let at = offsetsOf(i);
  var weights = vec2f(1.0);
#if WEIGHTED
  weights.x = f32(weight[at.x]);
#endif
#if POSITIVE
  weights.y = f32(posWeight[at.y]);
#endif
  return weights;
}

fn lossAt(i: u32) -> f32 {
  let v = f32(x[i]);
  let t = f32(goal[i]);
  let difference = v - t;
#if SQUARED
  return difference * difference;
#elif ABSOLUTE
  let size = abs(difference);
  let curve = 0.5 * size * size / params.knee;
  return params.factor * select(size - 0.5 * params.knee, curve, size < params.knee);
#elif LOGISTIC
  let weights = weightsOf(i);
  return weights.x * ((1.0 - t) * softplus(v) + weights.y * t * softplus(-v));
#endif
}

// The derivative of the loss by x, or by the target.
fn slopeAt(i: u32) -> f32 {
  let v = f32(x[i]);
  let t = f32(goal[i]);
  var difference = v - t;
#if TARGET
  difference = -difference;
#endif
#if SQUARED
  return 2.0 * difference;
#elif ABSOLUTE
  let line = sign(difference);
  return params.factor * select(line, difference / params.knee, abs(difference) < params.knee);
#elif LOGISTIC
  let weights = weightsOf(i);
#if TARGET
  return weights.x * (weights.y * softplus(-v) - softplus(v));
#else
  return weights.x * ((1.0 - t) * sigmoid(v) - weights.y * t * sigmoid(-v));
#endif
#endif
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = threadIndex(id, groups);
#if EACH
  for (var i = part; i < params.count; i += threadCount(groups)) {
    losses[i] = scalar(lossAt(i));
  }
#else
  if (part >= params.parts) {
    return;
  }
  var sum = 0.0;
  for (var i = part; i < params.count; i += params.parts) {
    sum += lossAt(i);
  }
  losses[part] = sum;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    dx[i] = scalar(slopeAt(i) * scaleOf(i));
  }
}
