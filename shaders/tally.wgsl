// tally: adds the results of one batch to running totals.
// Dispatched by src/train/tally.ts.
//
//   add   loss, logits, target, totals -> totals   one thread for each row of logits, (rows, classes)
//
// ranking.wgsl says what a prediction is; HALF_LOSS, that the loss is of f16. Counts are integers, so
// that their order does not matter.

struct Params {
  rows: u32,
  classes: u32,
}

struct Totals {
  lossSum: f32,
  examples: u32,
  right: atomic<u32>,
}

#if HALF_LOSS
alias Loss = f16;
#else
alias Loss = f32;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> loss: array<Loss>; // the mean over the batch
@group(0) @binding(2) var<storage, read> logits: array<Logit>;
@group(0) @binding(3) var<storage, read> labels: array<Label>;
@group(0) @binding(4) var<storage, read_write> totals: Totals;

@compute @workgroup_size(WORKGROUP)
fn add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = threadIndex(id, groups);
  if (row >= params.rows) {
    return;
  }
  if (row == 0u) {
    totals.lossSum += f32(loss[0]) * f32(params.rows);
    totals.examples += params.rows;
  }
  if (predictedOf(row) == expectedOf(row)) {
    atomicAdd(&totals.right, 1u);
  }
}
