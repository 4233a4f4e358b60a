// conv2dTaps: how a row of kernelW taps is dealt out to `parts` of `taps` taps each:
//
//   part = phase + phases * j   has the taps   kw = phase + phases * (firstTap(part) + t)
//
// Where the parts of a phase have more taps than the phase, the last one starts earlier, and shares
// taps with the one before. An idle tap would multiply an input outside of the window by zero, and
// Inf or NaN there would reach the sum. Only a phase of a single part can have one idle tap.
// Needs params.kernelW, phases, parts and taps.

fn tapsOfPhase(phase: u32) -> u32 {
  return (params.kernelW - phase + params.phases - 1u) / params.phases;
}

fn firstTap(part: u32) -> u32 {
  let count = max(tapsOfPhase(part % params.phases), params.taps);
  return min(part / params.phases * params.taps, count - params.taps);
}

// True for a tap that the last two parts of a phase have both.
fn isShared(part: u32, t: u32) -> bool {
  let tap = firstTap(part) + t;
  let beforeLast = (params.parts / params.phases - 1u) * params.taps;
  return tap < beforeLast && tap + params.taps >= tapsOfPhase(part % params.phases);
}

fn isLastPart(part: u32) -> bool {
  return part + params.phases >= params.parts;
}
