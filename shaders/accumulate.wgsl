// accumulate: adds one gradient to another.
// Dispatched by src/autograd/kernels/accumulate.ts.
//
//   addTo   more, sum -> sum         in place
//   add     more, first -> total     where `first` is shared
//
// A thread takes several elements.

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> more: array<scalar>;
@group(0) @binding(2) var<storage, read_write> sum: array<scalar>;
@group(0) @binding(2) var<storage, read> first: array<scalar>;
@group(0) @binding(3) var<storage, read_write> total: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn addTo(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    sum[i] = scalar(f32(sum[i]) + f32(more[i]));
  }
}

@compute @workgroup_size(WORKGROUP)
fn add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    total[i] = scalar(f32(first[i]) + f32(more[i]));
  }
}
