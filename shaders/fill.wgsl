// fill: sets every element of an array to one value.
// Dispatched by src/autograd/kernels/fill.ts.
//
//   fill   -> x   one thread for each element of x

struct Params {
  count: u32,
  value: u32, // its bits, as T
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<T>;

@compute @workgroup_size(WORKGROUP)
fn fill(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i < params.count) {
    x[i] = bitcast<T>(params.value);
  }
}
