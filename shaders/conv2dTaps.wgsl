// conv2dTaps: how a row of kernelW taps is dealt out to `parts` of `taps` taps each:
//
//   part = phase + phases * j   has the taps   kw = phase + phases * (firstTap(part) + t)
//
// Where the parts of a phase have more taps than the phase, the last one starts earlier, and shares
// taps with the one before. An idle tap would multiply an input outside of the window by zero, and
// Inf or NaN there would reach the sum. Only a phase of a single part can have one idle tap.

struct TapLayout {
  kernelW: u32,
  phases: u32,
  parts: u32,
  taps: u32,
}

fn tapsOfPhase(l: TapLayout, phase: u32) -> u32 {
  return (l.kernelW - phase + l.phases - 1u) / l.phases;
}

fn firstTap(l: TapLayout, part: u32) -> u32 {
  return min(part / l.phases * l.taps, tapsOfPhase(l, part % l.phases) - l.taps);
}

// kw of the part's first tap; the next ones follow by `phases`.
fn firstKw(l: TapLayout, part: u32) -> u32 {
  if (l.parts == l.phases) {
    return part; // the usual case, for which packing need not divide
  }
  return part % l.phases + l.phases * firstTap(l, part);
}

// The taps of a part, from x to before y, that the last two parts of its phase have both.
fn sharedTaps(l: TapLayout, part: u32) -> vec2u {
  if (l.parts == l.phases) {
    return vec2u();
  }
  let first = firstTap(l, part);
  let ofLast = tapsOfPhase(l, part % l.phases) - l.taps;
  let beforeLast = (l.parts / l.phases - 1u) * l.taps;
  return max(vec2u(ofLast, beforeLast), vec2u(first)) - first;
}

fn isLastPart(l: TapLayout, part: u32) -> bool {
  return part + l.phases >= l.parts;
}
