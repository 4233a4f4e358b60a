// conv2dInputGradient: dx[h, w] = the sum of dy * weight over the windows that (h, w) is in, and
// over all channels k of dy. For strides above 1; without, it is a convolution like the forward one.
// Dispatched by src/autograd/kernels/convolutionGradients.ts.
//
//   gather   dy, weights (packed, tap by tap, transposed) -> dx (N, C, inH, inW)
//
// One thread for one block of channels c and 4 pixels of a row that are strideW apart: the same taps
// reach all of them, from neighbours in dy.

struct Params {
  n: u32,
  groups: u32,
  blocks: u32, // of channels of dx, in each group
  dyChannels: u32, // of each group, and so the next
  dxChannels: u32,
  kernelH: u32,
  kernelW: u32,
  strideH: u32,
  strideW: u32,
  dilationH: u32,
  dilationW: u32,
  paddingH: u32,
  paddingW: u32,
  strips: u32, // of 4 pixels, of those in a row that have the same remainder by strideW
  inH: u32,
  inW: u32,
  outH: u32,
  outW: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if ACTIVATED
@group(0) @binding(3) var<storage, read> weights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
#else
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
#endif

fn element(row: u32, column: i32) -> f32 {
  if (column < 0 || column >= i32(params.outW)) {
    return 0.0;
  }
  return incoming(row * params.outW + u32(column));
}

fn storePixel(at: u32, inside: bool, channels: u32, value: Channels) {
  if (inside) {
    let plane = params.inH * params.inW;
    dx[at] = value.low.x;
    if (channels > 1u) { dx[at + plane] = value.low.y; }
    if (channels > 2u) { dx[at + 2u * plane] = value.low.z; }
    if (channels > 3u) { dx[at + 3u * plane] = value.low.w; }
    if (channels > 4u) { dx[at + 4u * plane] = value.high.x; }
    if (channels > 5u) { dx[at + 5u * plane] = value.high.y; }
#if SIX
#else
    if (channels > 6u) { dx[at + 6u * plane] = value.high.z; }
    if (channels > 7u) { dx[at + 7u * plane] = value.high.w; }
#endif
  }
}

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  var i = threadIndex(id, groups);
  if (i >= p.groups * p.blocks * p.n * p.inH * p.strips * p.strideW) {
    return;
  }
  let remainder = i % p.strideW;
  i /= p.strideW;
  let strip = i % p.strips;
  i /= p.strips;
  let h = i % p.inH;
  i /= p.inH;
  let image = i % p.n;
  let block = i / p.n;
  let group = block / p.blocks;

  var p0 = Channels();
  var p1 = Channels();
  var p2 = Channels();
  var p3 = Channels();
  let w0 = strip * 4u * p.strideW + remainder;
  let taps = p.kernelH * p.kernelW;
  let firstWeight = (block * (1u + p.dyChannels * taps) + 1u) * 2u;
  let firstPlane = (image * p.groups + group) * p.dyChannels;
  for (var kh = 0u; kh < p.kernelH; kh++) {
    let below = i32(h + p.paddingH) - i32(kh * p.dilationH);
    let outH = below / i32(p.strideH);
    if (below < 0 || outH * i32(p.strideH) != below || outH >= i32(p.outH)) {
      continue;
    }
    for (var kw = 0u; kw < p.kernelW; kw++) {
      let right = i32(w0 + p.paddingW) - i32(kw * p.dilationW);
      let outW = right / i32(p.strideW);
      if (outW * i32(p.strideW) != right) {
        continue;
      }
      for (var k = 0u; k < p.dyChannels; k++) {
        let row = (firstPlane + k) * p.outH + u32(outH);
        let at = firstWeight + (k * taps + kh * p.kernelW + kw) * 2u;
        let weight = channelsOf(weights[at], weights[at + 1u]);
        p0 = addProduct(p0, element(row, outW), weight);
        p1 = addProduct(p1, element(row, outW + 1), weight);
        p2 = addProduct(p2, element(row, outW + 2), weight);
        p3 = addProduct(p3, element(row, outW + 3), weight);
      }
    }
  }

  let channel = (block - group * p.blocks) * CHANNELS;
  let plane = (image * p.groups + group) * p.dxChannels + channel;
  let at = (plane * p.inH + h) * p.inW + w0;
  let channels = p.dxChannels - channel;
  storePixel(at, w0 < p.inW, channels, p0);
  storePixel(at + p.strideW, w0 + p.strideW < p.inW, channels, p1);
  storePixel(at + 2u * p.strideW, w0 + 2u * p.strideW < p.inW, channels, p2);
  storePixel(at + 3u * p.strideW, w0 + 3u * p.strideW < p.inW, channels, p3);
}
