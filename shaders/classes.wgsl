// classes: which elements of (N, C, inner) are the scores of one row, and what its target says.
// Row r is (r / inner, r % inner) of (N, inner), and its C scores are `inner` apart. The target is
// by INDICES an array of (N, inner), else one of shares (N, C, inner). Needs the arrays labels and
// weight and the fields c, inner and ignoreIndex of Params.

#if INDICES
alias Target = i32;
#else
alias Target = scalar;
#endif

// The first score of a row.
fn startOf(row: u32) -> u32 {
  return row / params.inner * params.c * params.inner + row % params.inner;
}

// (row, class) of element i.
fn placeOf(i: u32) -> vec2u {
  let outer = i / params.inner;
  return vec2u(outer / params.c * params.inner + i % params.inner, outer % params.c);
}

fn weightOf(k: u32) -> f32 {
#if WEIGHTED
  return f32(weight[k]);
#else
  return 1.0;
#endif
}

fn isIgnored(row: u32) -> bool {
#if INDICES
  return labels[row] == params.ignoreIndex;
#else
  return false;
#endif
}

// Whether there is no such class; the GPU cannot throw.
fn isOutside(row: u32) -> bool {
#if INDICES
  return u32(labels[row]) >= params.c;
#else
  return false;
#endif
}
