// crossEntropy: softmax and cross-entropy in one, of logits (N, C).
// Dispatched by src/autograd/ops/crossEntropy.ts, which has the formulas.
//
//   forward          logits, target, weight -> losses, rows
//                    one thread or one workgroup for each row (rows.wgsl)
//   total            losses, rows -> loss, divisor
//                    one workgroup
//   backward         logits, target, weight, dy, rows, divisor -> dLogits
//   backwardTarget   logits, target, weight, dy, rows, divisor -> dTarget
//                    one thread for each element
//
// `rows` keeps four numbers of each row: its maximum, sum e^(x - maximum), sum q, and what it
// counts in the mean. `weight` is read with WEIGHTED alone, `divisor` not with EACH.

struct Params {
  n: u32,
  c: u32,
  smoothing: f32,
  ignoreIndex: i32,
  nan: f32, // WGSL cannot spell it
}

#if INDICES
alias Target = i32; // (N)
#else
alias Target = f32; // (N, C)
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<Target>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> rows: array<vec4f>;

@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> savedRows: array<vec4f>;
@group(0) @binding(6) var<storage, read> savedDivisor: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;

@group(0) @binding(1) var<storage, read> lossOfRow: array<f32>;
@group(0) @binding(2) var<storage, read> eachRow: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> divisor: array<f32>;

fn weightOf(k: u32) -> f32 {
#if WEIGHTED
  return weight[k];
#else
  return 1.0;
#endif
}

// q: how much -log p of class k counts in the loss of its row.
fn shareOf(row: u32, k: u32) -> f32 {
#if INDICES
  let label = select(0.0, 1.0, u32(labels[row]) == k);
#else
  let label = labels[row * params.c + k];
#endif
  return weightOf(k) * ((1.0 - params.smoothing) * label + params.smoothing / f32(params.c));
}

#if INDICES
fn isIgnored(row: u32) -> bool {
  return labels[row] == params.ignoreIndex;
}
#else
fn isIgnored(row: u32) -> bool {
  return false;
}
#endif

@compute @workgroup_size(WORKGROUP)
fn forward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = rowOf(id, groups, group);
  let lane = laneOf(index);
  if (row >= params.n) {
    return;
  }
  let start = row * params.c;
  var highest = logits[start];
  for (var i = lane; i < params.c; i += LANES) {
    highest = max(highest, logits[start + i]);
  }
  highest = maxOfLanes(highest, lane);

  var sum = 0.0;
  var mass = 0.0; // sum q
  var dot = 0.0; // sum q (x - maximum)
  for (var i = lane; i < params.c; i += LANES) {
    let x = logits[start + i] - highest;
    sum += exp(x);
    let q = shareOf(row, i);
    mass += q;
    if (q != 0.0) { // 0 times -Inf is not 0
      dot += q * x;
    }
  }
  sum = sumOfLanes(sum, lane);
  mass = sumOfLanes(mass, lane);
  dot = sumOfLanes(dot, lane);
  if (lane > 0u) {
    return;
  }

  var count = 1.0;
  var value = mass * log(sum) - dot;
#if INDICES
  if (isIgnored(row)) {
    count = 0.0;
    value = 0.0;
  } else if (u32(labels[row]) >= params.c) {
    mass = params.nan;
    value = params.nan;
  } else {
    count = weightOf(u32(labels[row]));
  }
#endif
  losses[row] = value;
  rows[row] = vec4f(highest, sum, mass, count);
}

// The sum of the losses, with MEAN divided by what the rows count.
@compute @workgroup_size(WORKGROUP)
fn total(@builtin(local_invocation_index) index: u32) {
  let lane = laneOf(index);
  var sum = 0.0;
  var count = 0.0;
  for (var i = lane; i < params.n; i += LANES) {
    sum += lossOfRow[i];
    count += eachRow[i].w;
  }
  sum = sumOfLanes(sum, lane);
  count = sumOfLanes(count, lane);
  if (lane == 0u) {
#if MEAN
    loss[0] = sum / count;
    divisor[0] = count;
#else
    loss[0] = sum;
    divisor[0] = 1.0;
#endif
  }
}

fn scaleOf(row: u32) -> f32 {
#if EACH
  return dy[row];
#else
  return dy[0] / savedDivisor[0];
#endif
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.n * params.c) {
    return;
  }
  let row = i / params.c;
  let saved = savedRows[row];
  let p = exp(logits[i] - saved.x) / saved.y;
  let slope = (saved.z * p - shareOf(row, i % params.c)) * scaleOf(row);
  dx[i] = select(slope, 0.0, isIgnored(row));
}

@compute @workgroup_size(WORKGROUP)
fn backwardTarget(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= params.n * params.c) {
    return;
  }
  let row = i / params.c;
  let saved = savedRows[row];
  let surprise = log(saved.y) - (logits[i] - saved.x); // -log p
  dx[i] = (1.0 - params.smoothing) * weightOf(i % params.c) * surprise * scaleOf(row);
}
