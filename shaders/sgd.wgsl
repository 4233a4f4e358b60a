// sgd: one step of stochastic gradient descent, in place.
// Dispatched by src/optim/sgd.ts, which has the formulas.
//
//   step   grad, param, velocity -> param, velocity   a thread takes RUN values

struct Params {
  count: u32,
  lr: f32,
  momentum: f32,
  keep: f32, // 1 - dampening; 1 at the first step
  weightDecay: f32,
  sign: f32, // -1 to ascend
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<Stored>;
@group(0) @binding(2) var<storage, read_write> param: array<Stored>;
#if MOMENTUM
@group(0) @binding(3) var<storage, read_write> velocity: array<Stored>;
#endif

@compute @workgroup_size(WORKGROUP)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let run = runOf(threadIndex(id, groups), params.count);
  for (var i = run.x; i < run.y; i++) {
    let p = Values(param[i]);
    let g = params.sign * Values(grad[i]) + params.weightDecay * p;
#if MOMENTUM
    let v = params.momentum * Values(velocity[i]) + params.keep * g;
    velocity[i] = Stored(v);
#if NESTEROV
    param[i] = Stored(p - params.lr * (g + params.momentum * v));
#else
    param[i] = Stored(p - params.lr * v);
#endif
#else
    param[i] = Stored(p - params.lr * g);
#endif
  }
}
