// conv2dGemmSums: dW and dB from the parts of a weight gradient of conv2dGemm.wgsl.
// Dispatched by src/autograd/kernels/gemm.ts.
//
//   addSplits   sums (splits, rows, columns) -> weight, the first columns; bias, the last: by flag
//
// One thread for each element. The parts are added in order.

struct Params {
  rows: u32, // K of all groups
  columns: u32,
  taps: u32, // columns that are weights
  splits: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
#if WEIGHT
@group(0) @binding(2) var<storage, read_write> weight: array<scalar>;
const WITH_WEIGHT = 2u;
#else
const WITH_WEIGHT = 1u;
#endif
#if BIAS
@group(0) @binding(WITH_WEIGHT + 1u) var<storage, read_write> bias: array<scalar>;
#endif

@compute @workgroup_size(WORKGROUP)
fn addSplits(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let i = threadIndex(id, groups);
  let count = p.rows * p.columns;
  if (i >= count) {
    return;
  }
  var sum = 0.0;
  for (var split = 0u; split < p.splits; split++) {
    sum += sums[split * count + i];
  }
  let row = i / p.columns;
  let column = i - row * p.columns;
#if WEIGHT
  if (column < p.taps) {
    weight[row * p.taps + column] = scalar(sum);
  }
#endif
#if BIAS
  if (column == p.taps) {
    bias[row] = scalar(sum);
  }
#endif
}
