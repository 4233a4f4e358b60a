// maxPool2d: the maximum over each window of an NCHW tensor.
// Dispatched by src/autograd/ops/maxPool2d.ts, which has the formulas.
//
//   forward   x -> y, argmax     one thread for each element of y; argmax only with ARGMAX. With
//                                TWO_BY_TWO its windows are 2 by 2 and lie side by side inside of x
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

struct Best {
  value: f32,
  index: u32,
}

// The better of `best` and element `at` of the plane that begins at `first`. PyTorch's rule: what is
// greater takes over, and so does NaN.
fn better(best: Best, first: u32, at: u32) -> Best {
  let value = x[first + at];
  let wins = best.index == NONE || isNan(value) || (value > best.value && !isNan(best.value));
  return Best(select(best.value, value, wins), select(best.index, at, wins));
}

// The elements of a window along one axis that are inside of x, if it begins at `first`.
fn inside(first: i32, kernel: u32, dilation: u32, size: u32) -> Range {
  let before = u32(max(0, -first));
  let rest = u32(max(0, i32(size) - first));
  return Range((before + dilation - 1u) / dilation, min(kernel, (rest + dilation - 1u) / dilation));
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.outH * p.outW) {
    return;
  }
  let place = placeOf(to, p.outH, p.outW);
  let first = place.plane * p.inH * p.inW;

  var best = Best(p.lowest, NONE);
#if TWO_BY_TWO
  let at = 2u * (place.i * p.inW + place.j);
  best = better(best, first, at);
  best = better(best, first, at + 1u);
  best = better(best, first, at + p.inW);
  best = better(best, first, at + p.inW + 1u);
#else
  let firstH = i32(place.i * p.strideH) - i32(p.paddingH);
  let firstW = i32(place.j * p.strideW) - i32(p.paddingW);
  let rows = inside(firstH, p.kernelH, p.dilationH, p.inH);
  let columns = inside(firstW, p.kernelW, p.dilationW, p.inW);
  for (var u = rows.first; u < rows.end; u++) {
    let at = u32(firstH + i32(u * p.dilationH)) * p.inW;
    for (var v = columns.first; v < columns.end; v++) {
      best = better(best, first, at + u32(firstW + i32(v * p.dilationW)));
    }
  }
#endif
  y[to] = best.value;
#if ARGMAX
  argmaxOut[to] = best.index;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.inH * p.inW) {
    return;
  }
  let place = placeOf(to, p.inH, p.inW);
  let at = place.i * p.inW + place.j;
  let rows = windowsOver(place.i, (p.kernelH - 1u) * p.dilationH + 1u, p.strideH, p.paddingH, p.outH);
  let columns = windowsOver(place.j, (p.kernelW - 1u) * p.dilationW + 1u, p.strideW, p.paddingW, p.outW);

  var sum = 0.0;
  for (var i = rows.first; i < rows.end; i++) {
    for (var j = columns.first; j < columns.end; j++) {
      let window = indexInY(place.plane, i, j);
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
  let windowsH = covering(p.inH, p.kernelH);
  let windowsW = covering(p.inW, p.kernelW);
  if (thread >= p.planes * windowsH * windowsW) {
    return;
  }
  let place = placeOf(thread, windowsH, windowsW);

  var index = NONE;
  var gradient = 0.0;
  if (inY(place)) {
    let window = indexInY(place.plane, place.i, place.j);
    index = argmax[window];
    gradient = dy[window];
  }
  let to = place.plane * p.inH * p.inW;
  let endH = min((place.i + 1u) * p.kernelH, p.inH);
  let endW = min((place.j + 1u) * p.kernelW, p.inW);
  for (var h = place.i * p.kernelH; h < endH; h++) {
    for (var w = place.j * p.kernelW; w < endW; w++) {
      let at = h * p.inW + w;
      dx[to + at] = select(0.0, gradient, at == index);
    }
  }
}
