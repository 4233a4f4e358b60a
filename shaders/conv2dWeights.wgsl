// conv2dWeights: between weights as the user has them, (K, C / groups, kH, kW), and as the kernels
// read and write them: by blocks of channels of the output, each block
//
//   its bias, then for each input channel, row of taps, part and tap (conv2dTaps.wgsl)
//   its weights,                                                      QUADS vec4s each.
//
// Dispatched by src/autograd/kernels/convolutionLayout.ts.
//
//   pack     weight, bias -> packed   zeros where there is no such channel or tap, or no bias;
//                                     each of two parts that share a tap has half its weight
//   unpack   sums -> weight, bias     parts that share a tap have the same sum
//
// The weight of an output and an input channel of a group is at
//   start + group * strideGroup + out * strideOut + in * strideIn + kh * strideH + kw * strideW:
// so an input gradient has its weights transposed and flipped.
//
// One thread for each vec4 of `packed`.

struct Params {
  groups: u32,
  blocks: u32, // of each group
  inChannels: u32, // of each group, and so the next
  outChannels: u32,
  kernelH: u32,
  kernelW: u32,
  parts: u32,
  phases: u32,
  taps: u32,
  start: i32,
  strideGroup: i32,
  strideOut: i32,
  strideIn: i32,
  strideH: i32,
  strideW: i32,
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> weight: array<scalar>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<scalar>;
@group(0) @binding(3) var<storage, read_write> packed: array<vec4<scalar>>;
#else
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<scalar>>;
#endif

@group(0) @binding(1) var<storage, read> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> weightOut: array<scalar>;
@group(0) @binding(3) var<storage, read_write> biasOut: array<scalar>;

// What a vec4 of `packed` holds.
struct Place {
  inside: bool,
  isBias: bool,
  isShared: bool, // with the part before or after
  isLastPart: bool,
  channel: u32, // its first one, of all groups
  count: u32, // how many of its four there are
  at: i32, // of the weight of the first channel
}

fn placeOf(i: u32) -> Place {
  let p = params;
  let perBlock = 1u + p.inChannels * p.kernelH * p.parts * p.taps;
  let block = i / (QUADS * perBlock);
  let quad = i % QUADS;
  let group = block / p.blocks;
  let first = (block - group * p.blocks) * CHANNELS + 4u * quad;
  // 6 channels: 4 and 2
  let count = min(4u, min(CHANNELS - 4u * quad, max(first, p.outChannels) - first));
  let entry = i / QUADS - block * perBlock;
  if (entry == 0u) {
    return Place(count > 0u, true, false, true, group * p.outChannels + first, count, 0);
  }

  var rest = entry - 1u;
  let t = rest % p.taps;
  rest /= p.taps;
  let part = rest % p.parts;
  rest /= p.parts;
  let kh = rest % p.kernelH;
  let channelIn = rest / p.kernelH;
  let kw = part % p.phases + p.phases * (firstTap(part) + t);
  let at = p.start + i32(group) * p.strideGroup + i32(first) * p.strideOut
    + i32(channelIn) * p.strideIn + i32(kh) * p.strideH + i32(kw) * p.strideW;
  return Place(
    count > 0u && kw < p.kernelW, false, isShared(part, t), isLastPart(part), first, count, at,
  );
}

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= arrayLength(&packed)) {
    return;
  }
  let place = placeOf(i);
  let share = select(1.0, 0.5, place.isShared);
  var value = vec4f();
  if (place.inside) {
    for (var j = 0u; j < place.count; j++) {
      if (place.isBias) {
#if BIAS
        value[j] = f32(bias[place.channel + j]);
#endif
      } else {
        value[j] = f32(weight[place.at + i32(j) * params.strideOut]) * share;
      }
    }
  }
  packed[i] = vec4<scalar>(value);
}

@compute @workgroup_size(WORKGROUP)
fn unpack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i >= arrayLength(&sums)) {
    return;
  }
  let place = placeOf(i);
  if (!place.inside || (place.isShared && place.isLastPart)) {
    return;
  }
  let value = sums[i];
  for (var j = 0u; j < place.count; j++) {
    if (place.isBias) {
      biasOut[place.channel + j] = scalar(value[j]);
    } else {
      weightOut[place.at + i32(j) * params.strideOut] = scalar(value[j]);
    }
  }
}
