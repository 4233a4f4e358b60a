// fill: sets every element of an array to one value.
// Dispatched by src/autograd/kernels/fill.ts.
//
//   fill   -> x   a thread takes several elements

struct Params {
  count: u32,
  value: u32, // its bits, as T
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn fill(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    x[i] = scalar(bitcast<T>(params.value));
  }
}
