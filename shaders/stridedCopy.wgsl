// stridedCopy: copies the elements of a shape from a place in one array to a place in another.
// Dispatched by src/autograd/kernels/stridedCopy.ts.
//
//   copy   x -> y   each thread takes several elements
//
// In strides.wgsl x is a and y is b.

struct Params {
  count: u32,
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, aOuter: u32, aOffset: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, bOuter: u32, bOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<bits>;
@group(0) @binding(2) var<storage, read_write> y: array<bits>;

@compute @workgroup_size(WORKGROUP)
fn copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    y[at.y] = x[at.x];
  }
}
