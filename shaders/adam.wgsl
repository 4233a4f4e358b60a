// adam: one step of Adam, in place.
// Dispatched by src/optim/adam.ts, which has the formulas.
//
//   step   grad, param, m, v, largest -> param, m, v, largest   a thread takes several elements

struct Params {
  count: u32,
  stepSize: f32, // lr / (1 - beta1^t)
  beta1: f32,
  beta2: f32,
  rest1: f32, // 1 - beta1, in which f32 would lose digits
  rest2: f32, // 1 - beta2
  rootCorrection: f32, // 1 / sqrt(1 - beta2^t)
  eps: f32,
  weightDecay: f32,
  sign: f32, // -1 to ascend
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> param: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
#if AMSGRAD
@group(0) @binding(5) var<storage, read_write> largest: array<f32>;
#endif

@compute @workgroup_size(WORKGROUP)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let g = params.sign * grad[i] + params.weightDecay * param[i];
    let mean = params.beta1 * m[i] + params.rest1 * g;
    var square = params.beta2 * v[i] + params.rest2 * g * g;
    m[i] = mean;
    v[i] = square;
#if AMSGRAD
    square = max(largest[i], square);
    largest[i] = square;
#endif
    param[i] -= params.stepSize * mean / (sqrt(square) * params.rootCorrection + params.eps);
  }
}
