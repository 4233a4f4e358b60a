// conv2dPlaces: weights as the convolution kernels read and write them. By blocks of channels of the
// output, each of `entries` of TAPS taps of QUADS vec4s:
//
//   one entry with the bias at its first tap, then for each input channel, row of taps and part
//   (conv2dTaps.wgsl) one entry
//
// The weight of an output and an input channel of a group, (K, C / groups, kH, kW), is at
//   start + group * strideGroup + out * strideOut + in * strideIn + kh * strideH + kw * strideW:
// so an input gradient has its weights transposed and flipped.
// Needs conv2dTaps.wgsl, conv2dChannels.wgsl and params of the names below.

fn layoutOfTaps() -> TapLayout {
  return TapLayout(params.kernelW, params.phases, params.parts, params.taps);
}

fn entriesOfBlock() -> u32 {
  return 1u + params.inChannels * params.kernelH * params.parts;
}

// What four channels of an entry are.
struct Place {
  isBias: bool,
  part: u32,
  kw: u32, // of its first tap
  channel: u32, // the first one, of all groups
  count: u32, // how many of the four there are
  at: i32, // of the weight of the first channel and tap
}

fn placeOf(block: u32, entry: u32, quad: u32) -> Place {
  let p = params;
  let group = block / p.blocks;
  let first = (block - group * p.blocks) * CHANNELS + 4u * quad;
  // 6 channels: 4 and 2
  let count = min(4u, min(CHANNELS - 4u * quad, max(first, p.outChannels) - first));
  let channel = group * p.outChannels + first;
  if (entry == 0u) {
    return Place(true, 0u, 0u, channel, count, 0);
  }
  var rest = entry - 1u;
  let part = rest % p.parts;
  rest /= p.parts;
  let channelIn = rest / p.kernelH;
  let kh = rest - channelIn * p.kernelH;
  let kw = firstKw(layoutOfTaps(), part);
  let at = p.weightStart + i32(group) * p.strideGroup + i32(first) * p.strideOut
    + i32(channelIn) * p.strideIn + i32(kh) * p.strideKh + i32(kw) * p.strideKw;
  return Place(false, part, kw, channel, count, at);
}
