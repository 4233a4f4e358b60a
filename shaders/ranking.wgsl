// ranking: which class a row of logits, (rows, classes), is taken for, and which its target names.
// Needs the arrays logits, of Logit, and labels, of Label, and the field classes of Params.
//
// By SHARES labels is (rows, classes) of floats, else (rows) of class indices. NaN counts as larger
// than all logits, and of equals the first wins, as in argmax. HALF_LOGITS and HALF_TARGET say what
// is of f16.

#if HALF_LOGITS
alias Logit = f16;
#else
alias Logit = f32;
#endif
#if SHARES
#if HALF_TARGET
alias Label = f16;
#else
alias Label = f32;
#endif
#else
alias Label = u32;
#endif

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

fn predictedOf(row: u32) -> u32 {
  var best: Best;
  for (var k = 0u; k < params.classes; k++) {
    best = better(best, f32(logits[row * params.classes + k]), k);
  }
  return best.at;
}

// May be none of the classes: an index that is to be ignored, such as -100.
fn expectedOf(row: u32) -> u32 {
#if SHARES
  var best: Best;
  for (var k = 0u; k < params.classes; k++) {
    best = better(best, f32(labels[row * params.classes + k]), k);
  }
  return best.at;
#else
  return labels[row];
#endif
}
