// adam: one step of Adam, in place.
// Dispatched by src/optim/adam.ts, which has the formulas.
//
//   step   grad, param, m, v, largest -> param, m, v, largest   a thread takes RUN values

struct Params {
  count: u32,
  stepSize: f32, // lr / (1 - beta1^t)
  beta1: f32,
  beta2: f32,
  rest1: f32, // 1 - beta1, in which f32 would lose digits
  rest2: f32, // 1 - beta2
  rootCorrection: f32, // 1 / sqrt(1 - beta2^t)
  eps: f32,
  decay: f32, // weightDecay, or with DECOUPLED lr weightDecay
  sign: f32, // -1 to ascend
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<Stored>;
@group(0) @binding(2) var<storage, read_write> param: array<Stored>;
@group(0) @binding(3) var<storage, read_write> m: array<Stored>;
@group(0) @binding(4) var<storage, read_write> v: array<Stored>;
#if AMSGRAD
@group(0) @binding(5) var<storage, read_write> largest: array<Stored>;
#endif

@compute @workgroup_size(WORKGROUP)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let run = runOf(threadIndex(id, groups), params.count);
  for (var i = run.x; i < run.y; i++) {
    let p = Values(param[i]);
#if DECOUPLED
    let decayed = params.decay * p;
    let g = params.sign * Values(grad[i]);
#else
    let decayed = Values();
    let g = params.sign * Values(grad[i]) + params.decay * p;
#endif
    let mean = params.beta1 * Values(m[i]) + params.rest1 * g;
    var square = params.beta2 * Values(v[i]) + params.rest2 * g * g;
    m[i] = Stored(mean);
    v[i] = Stored(square);
#if AMSGRAD
    square = max(Values(largest[i]), square);
    largest[i] = Stored(square);
#endif
    let change = params.stepSize * mean / (sqrt(square) * params.rootCorrection + params.eps);
    param[i] = Stored(p - (decayed + change)); // added to p at once, and so rounded once
  }
}
