// tally: adds the results of one batch to running totals.
// Dispatched by src/train/tally.ts.
//
//   add   loss, logits, target, totals -> totals   one thread for each row of logits, (rows, classes)
//
// By SHARES target is (rows, classes) of floats, else (rows) of class indices. NaN counts as larger
// than all logits, and of equals the first wins, as in argmax. HALF_LOSS, HALF_LOGITS and HALF_TARGET
// say what is of f16. Counts are integers, so that their order does not matter.

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
#if HALF_LOGITS
alias Logit = f16;
#else
alias Logit = f32;
#endif
#if HALF_TARGET
alias Share = f16;
#else
alias Share = f32;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> loss: array<Loss>; // the mean over the batch
@group(0) @binding(2) var<storage, read> logits: array<Logit>;
#if SHARES
@group(0) @binding(3) var<storage, read> labels: array<Share>;
#else
@group(0) @binding(3) var<storage, read> labels: array<u32>;
#endif
@group(0) @binding(4) var<storage, read_write> totals: Totals;

// Larger for what counts as larger.
fn keyOf(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0xffffffffu; // NaN
  }
  if ((bits & 0x7fffffffu) == 0u) {
    return 0x80000000u; // both zeros
  }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

struct Best {
  key: u32, // at the start below that of any number
  at: u32,
}

fn better(best: Best, value: f32, at: u32) -> Best {
  let key = keyOf(value);
  if (key > best.key) {
    return Best(key, at);
  }
  return best;
}

fn isRight(row: u32) -> bool {
  var logit: Best;
  var share: Best;
  for (var k = 0u; k < params.classes; k++) {
    let i = row * params.classes + k;
    logit = better(logit, f32(logits[i]), k);
#if SHARES
    share = better(share, f32(labels[i]), k);
#endif
  }
#if SHARES
  return logit.at == share.at;
#else
  return logit.at == labels[row];
#endif
}

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
  if (isRight(row)) {
    atomicAdd(&totals.right, 1u);
  }
}
