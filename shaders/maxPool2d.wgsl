// maxPool2d: the maximum over each window of an NCHW tensor.
// Dispatched by src/autograd/ops/maxPool2d.ts, which has the formulas.
//
//   forward   x -> y, argmax     one thread for each element of y; argmax only with ARGMAX
//   gather    dy, argmax -> dx   one thread for each element of dx
//   scatter   dy, argmax -> dx   one thread for each window, which writes all of it: for windows
//                                that lie side by side, and some that lie past the last ones
//
// A "plane" is one (n, c) pair. argmax holds h * inW + w within its plane. Windows may overlap, so
// `gather` looks at every window that reaches over its element: no atomics, all of dx written.

struct Params {
  planes: u32,
  inH: u32,
  inW: u32,
  outH: u32,
  outW: u32,
  kernelH: u32,
  kernelW: u32,
  strideH: u32,
  strideW: u32,
  paddingH: u32,
  paddingW: u32,
  dilationH: u32,
  dilationW: u32,
  lowest: f32, // -Inf, which WGSL cannot write
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> argmaxOut: array<u32>;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> argmax: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

const NONE = 0xffffffffu;

// By its bits, since a compiler may assume that there is no NaN.
fn isNan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.outH * p.outW) {
    return;
  }
  let row = to / p.outW;
  let plane = row / p.outH;
  let firstH = i32((row - plane * p.outH) * p.strideH) - i32(p.paddingH);
  let firstW = i32((to - row * p.outW) * p.strideW) - i32(p.paddingW);
  let first = plane * p.inH * p.inW;

  var best = p.lowest;
  var index = NONE;
  for (var u = 0u; u < p.kernelH; u++) {
    let h = firstH + i32(u * p.dilationH);
    if (h < 0 || h >= i32(p.inH)) {
      continue;
    }
    for (var v = 0u; v < p.kernelW; v++) {
      let w = firstW + i32(v * p.dilationW);
      if (w < 0 || w >= i32(p.inW)) {
        continue;
      }
      let at = u32(h) * p.inW + u32(w);
      let value = x[first + at];
      if (index == NONE || isNan(value) || (value > best && !isNan(best))) {
        best = value;
        index = at;
      }
    }
  }
  y[to] = best;
#if ARGMAX
  argmaxOut[to] = index;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.inH * p.inW) {
    return;
  }
  let row = to / p.inW;
  let plane = row / p.inH;
  let h = row - plane * p.inH;
  let w = to - row * p.inW;
  let at = h * p.inW + w;
  let rows = windowsOver(h, (p.kernelH - 1u) * p.dilationH + 1u, p.strideH, p.paddingH, p.outH);
  let columns = windowsOver(w, (p.kernelW - 1u) * p.dilationW + 1u, p.strideW, p.paddingW, p.outW);

  var sum = 0.0;
  for (var i = rows.first; i < rows.end; i++) {
    for (var j = columns.first; j < columns.end; j++) {
      let window = (plane * p.outH + i) * p.outW + j;
      if (argmax[window] == at) {
        sum += dy[window];
      }
    }
  }
  dx[to] = sum;
}

@compute @workgroup_size(WORKGROUP)
fn scatter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let thread = threadIndex(id, groups);
  let windowsH = (p.inH + p.kernelH - 1u) / p.kernelH;
  let windowsW = (p.inW + p.kernelW - 1u) / p.kernelW;
  if (thread >= p.planes * windowsH * windowsW) {
    return;
  }
  let row = thread / windowsW;
  let plane = row / windowsH;
  let i = row - plane * windowsH;
  let j = thread - row * windowsW;

  var index = NONE;
  var gradient = 0.0;
  if (i < p.outH && j < p.outW) {
    let window = (plane * p.outH + i) * p.outW + j;
    index = argmax[window];
    gradient = dy[window];
  }
  let to = plane * p.inH * p.inW;
  let endH = min((i + 1u) * p.kernelH, p.inH);
  let endW = min((j + 1u) * p.kernelW, p.inW);
  for (var h = i * p.kernelH; h < endH; h++) {
    for (var w = j * p.kernelW; w < endW; w++) {
      let at = h * p.inW + w;
      dx[to + at] = select(0.0, gradient, at == index);
    }
  }
}
