// matmulSum: the second pass of a product whose sums over K were split: adds up the parts in order,
// with what belongs to the end of a product. Dispatched by src/autograd/kernels/matmulVariants.ts.
//
//   sum   parts (splits, count), bias (N), row parts (splits, rows) -> C (count), row sums (rows)
//
// One thread for each element of C, or with QUADS for four of them, and one for each row sum.

struct Params {
  count: u32, // of C, in units of its array
  n: u32, // columns of C, likewise
  splits: u32,
  rows: u32, // of row sums; 0 without
}

#if QUADS
alias Part = vec4f;
alias C = vec4<scalar>;
#else
alias Part = f32;
alias C = scalar;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<Part>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<C>;
@group(0) @binding(3) var<storage, read_write> c: array<C>;
#elif ROW_SUMS
@group(0) @binding(2) var<storage, read> rowParts: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<C>;
@group(0) @binding(4) var<storage, read_write> rowSums: array<scalar>;
#else
@group(0) @binding(2) var<storage, read_write> c: array<C>;
#endif

#if ROW_SUMS
fn sumRow(row: u32) {
  var total = 0.0;
  for (var split = 0u; split < params.splits; split++) {
    total += rowParts[split * params.rows + row];
  }
  rowSums[row] = scalar(total);
}
#endif

@compute @workgroup_size(WORKGROUP)
fn sum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
#if ROW_SUMS
  if (i >= params.count && i < params.count + params.rows) {
    sumRow(i - params.count);
  }
#endif
  if (i >= params.count) {
    return;
  }
  var total = Part();
  for (var split = 0u; split < params.splits; split++) {
    total += parts[split * params.count + i];
  }
#if BIAS
  total += Part(bias[i % params.n]);
#endif
#if QUADS
  c[i] = C(activateQuad(total));
#else
  c[i] = C(activate(total));
#endif
}
