// outcomes: counts how the predictions of one batch came out.
// Dispatched by src/train/outcomes.ts.
//
//   confuse   logits, labels, counts -> counts   adds to (classes, classes): expected, predicted
//   rank      logits, labels, counts -> counts   adds to (examples, those among the first k)
//
// One thread for each row of logits, (rows, classes); ranking.wgsl says what a prediction is. Counts
// are integers, so that their order does not matter.

struct Params {
  rows: u32,
  classes: u32,
  k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<Logit>;
@group(0) @binding(2) var<storage, read> labels: array<Label>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn confuse(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = threadIndex(id, groups);
  if (row < params.rows && expectedOf(row) < params.classes) {
    atomicAdd(&counts[expectedOf(row) * params.classes + predictedOf(row)], 1u);
  }
}

@compute @workgroup_size(WORKGROUP)
fn rank(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = threadIndex(id, groups);
  if (row >= params.rows) {
    return;
  }
  if (row == 0u) {
    atomicAdd(&counts[0], params.rows);
  }
  let label = expectedOf(row);
  let start = row * params.classes;
  let own = keyOf(f32(logits[start + min(label, params.classes - 1u)]));
  var above = 0u; // classes that come before the label
  for (var k = 0u; k < params.classes; k++) {
    let key = keyOf(f32(logits[start + k]));
    if (key > own || (key == own && k < label)) {
      above++;
    }
  }
  if (label < params.classes && above < params.k) {
    atomicAdd(&counts[1], 1u);
  }
}
