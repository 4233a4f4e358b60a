// clip: limits gradients, in place.
// Dispatched by src/autograd/kernels/clip.ts.
//
//   scale   norm, grad -> grad   times limit / (norm + 1e-6), unless that is above 1
//   limit   values -> values      each element to [-limit, limit]; NaN stays NaN
//
// A thread takes several elements.

struct Params {
  count: u32,
  limit: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad: array<scalar>;

@group(0) @binding(1) var<storage, read_write> values: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn scale(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let total = norm[0];
  let factor = params.limit / (total + 1e-6);
  if (!isNan(total) && factor >= 1.0) {
    return;
  }
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    grad[i] = scalar(f32(grad[i]) * factor);
  }
}

@compute @workgroup_size(WORKGROUP)
fn limit(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let value = f32(values[i]);
    if (!isNan(value)) {
      values[i] = scalar(clamp(value, -params.limit, params.limit));
    }
  }
}
