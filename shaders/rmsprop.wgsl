// rmsprop: one step of RMSprop, in place.
// Dispatched by src/optim/rmsprop.ts, which has the formulas.
//
//   step   grad, param, square, mean, velocity -> the same but grad   a thread takes RUN values
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
@group(0) @binding(1) var<storage, read> grad: array<Stored>;
@group(0) @binding(2) var<storage, read_write> param: array<Stored>;
@group(0) @binding(3) var<storage, read_write> square: array<Stored>;
#if CENTERED
@group(0) @binding(4) var<storage, read_write> mean: array<Stored>;
#if MOMENTUM
@group(0) @binding(5) var<storage, read_write> velocity: array<Stored>;
#endif
#elif MOMENTUM
@group(0) @binding(4) var<storage, read_write> velocity: array<Stored>;
#endif

@compute @workgroup_size(WORKGROUP)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let run = runOf(threadIndex(id, groups), params.count);
  for (var i = run.x; i < run.y; i++) {
    let p = Values(param[i]);
    let g = params.sign * Values(grad[i]) + params.weightDecay * p;
    let s = params.alpha * Values(square[i]) + params.rest * g * g;
    square[i] = Stored(s);
#if CENTERED
    let m = params.alpha * Values(mean[i]) + params.rest * g;
    mean[i] = Stored(m);
    // Rounding may leave a variance below 0.
    let change = g / (sqrt(max(s - m * m, Values())) + params.eps);
#else
    let change = g / (sqrt(s) + params.eps);
#endif
#if MOMENTUM
    let v = params.momentum * Values(velocity[i]) + change;
    velocity[i] = Stored(v);
    param[i] = Stored(p - params.lr * v);
#else
    param[i] = Stored(p - params.lr * change);
#endif
  }
}
