// cast: the elements of an array in another type. Floats truncate towards zero and saturate.
// Dispatched by src/autograd/kernels/cast.ts.
//
//   convert   x -> y   each thread takes several elements

struct Params {
  count: u32,
}

#if FROM_I32
alias From = i32;
#elif FROM_U32
alias From = u32;
#elif FROM_F16
alias From = f16;
#else
alias From = f32;
#endif

#if TO_F16
alias To = f16;
#else
alias To = T;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<From>;
@group(0) @binding(2) var<storage, read_write> y: array<To>;

@compute @workgroup_size(WORKGROUP)
fn convert(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    y[i] = To(x[i]);
  }
}
