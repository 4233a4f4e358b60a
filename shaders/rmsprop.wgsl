// rmsprop: one step of RMSprop, in place.
// Dispatched by src/optim/rmsprop.ts, which has the formulas.
//
//   step   grad, param, square, mean, velocity -> the same but grad   a thread takes several elements
//
// mean is there with CENTERED alone, velocity with MOMENTUM alone, at the binding before where mean
// is not.

struct Params {
  count: u32,
  lr: f32,
  alpha: f32,
  rest: f32, // 1 - alpha, in which f32 would lose digits
  eps: f32,
  momentum: f32,
  weightDecay: f32,
  sign: f32, // -1 to ascend
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<scalar>;
@group(0) @binding(2) var<storage, read_write> param: array<scalar>;
@group(0) @binding(3) var<storage, read_write> square: array<scalar>;
#if CENTERED
@group(0) @binding(4) var<storage, read_write> mean: array<scalar>;
#if MOMENTUM
@group(0) @binding(5) var<storage, read_write> velocity: array<scalar>;
#endif
#elif MOMENTUM
@group(0) @binding(4) var<storage, read_write> velocity: array<scalar>;
#endif

@compute @workgroup_size(WORKGROUP)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let p = f32(param[i]);
    let g = params.sign * f32(grad[i]) + params.weightDecay * p;
    let s = params.alpha * f32(square[i]) + params.rest * g * g;
    square[i] = scalar(s);
#if CENTERED
    let m = params.alpha * f32(mean[i]) + params.rest * g;
    mean[i] = scalar(m);
    // Rounding may leave a variance below 0.
    let change = g / (sqrt(max(s - m * m, 0.0)) + params.eps);
#else
    let change = g / (sqrt(s) + params.eps);
#endif
#if MOMENTUM
    let v = params.momentum * f32(velocity[i]) + change;
    velocity[i] = scalar(v);
    param[i] = scalar(p - params.lr * v);
#else
    param[i] = scalar(p - params.lr * change);
#endif
  }
}
