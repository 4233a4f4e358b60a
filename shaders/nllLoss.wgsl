// nllLoss: minus the score at each row's class index, as a rule a logarithm of probabilities.
// Dispatched by src/autograd/ops/nllLoss.ts, which has the formulas; classes.wgsl has the shapes.
//
//   forward    logP, labels, weight -> losses, counts            one thread for each row
//   backward   labels, weight, dy, divisor -> dx                 one thread for each element

struct Params {
  rows: u32,
  c: u32,
  inner: u32,
  ignoreIndex: i32,
}

#if EACH
alias Loss = scalar;
#else
alias Loss = f32;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<Target>;
@group(0) @binding(2) var<storage, read> weight: array<scalar>;
@group(0) @binding(3) var<storage, read> logP: array<scalar>;
@group(0) @binding(4) var<storage, read_write> losses: array<Loss>;
@group(0) @binding(5) var<storage, read_write> counts: array<f32>;

@group(0) @binding(3) var<storage, read> dy: array<scalar>;
@group(0) @binding(4) var<storage, read> divisor: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = threadIndex(id, groups);
  if (row >= params.rows) {
    return;
  }
  var value = 0.0;
  var count = 0.0;
  if (!isIgnored(row)) {
    value = nan();
    if (!isOutside(row)) {
      let k = u32(labels[row]);
      count = weightOf(k);
      value = -count * f32(logP[startOf(row) + k * params.inner]);
    }
  }
  losses[row] = Loss(value);
  counts[row] = count;
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.rows * params.c) {
    return;
  }
  let place = placeOf(i);
  let row = place.x;
  var slope = 0.0;
  if (!isIgnored(row)) {
    if (isOutside(row)) {
      slope = nan();
    } else if (u32(labels[row]) == place.y) {
      slope = -weightOf(place.y) * scaleOf(row);
    }
  }
  dx[i] = scalar(slope);
}
