// tally: adds the results of one batch to running totals.
// Dispatched by src/train/tally.ts.
//
//   add   loss, predicted, target, totals -> totals   one thread: batches are short, order is fixed
//
// totals holds the sum of losses, the number of examples, the number predicted right.

struct Params {
  batchSize: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> loss: array<f32>; // the mean over the batch
@group(0) @binding(2) var<storage, read> predicted: array<i32>;
@group(0) @binding(3) var<storage, read> expected: array<i32>;
@group(0) @binding(4) var<storage, read_write> totals: array<f32>;

@compute @workgroup_size(1)
fn add() {
  var right = 0u;
  for (var i = 0u; i < params.batchSize; i++) {
    right += u32(predicted[i] == expected[i]);
  }
  totals[0] += loss[0] * f32(params.batchSize);
  totals[1] += f32(params.batchSize);
  totals[2] += f32(right);
}
