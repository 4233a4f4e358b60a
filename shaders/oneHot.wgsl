// oneHot: 1 at the class of each index, 0 elsewhere.
// Dispatched by src/autograd/ops/oneHot.ts.
//
//   forward   index (N) -> y (N, classes)   one thread for each element of y

struct Params {
  count: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i < params.count) {
    y[i] = scalar(u32(index[i / params.classes]) == i % params.classes);
  }
}
