// avgPool2d: the mean over each window of an NCHW tensor.
// Dispatched by src/autograd/ops/avgPool2d.ts, which has the formulas.
//
//   forward   x -> y     one thread for each element of y. With TWO_BY_TWO its windows are 2 by 2
//                        and lie side by side inside of x
//   gather    dy -> dx   one thread for each element of dx
//   scatter   dy -> dx   one thread for each window, which writes all of it: for windows that lie
//                        side by side, and some that lie past the last ones
//
// A "plane" is one (n, c) pair.

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
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// The elements of window `i` along one axis: those inside, and how many count.
struct Window {
  inside: Range,
  count: u32,
}

fn windowOf(i: u32, kernel: u32, stride: u32, padding: u32, size: u32) -> Window {
  // measured from the first padding element
  let first = i * stride;
  let end = first + kernel;
  let inside = Range(max(first, padding) - padding, min(end, size + padding) - padding);
#if COUNT_PADDING
  return Window(inside, min(end, size + 2u * padding) - first);
#else
  return Window(inside, inside.end - inside.first);
#endif
}

fn windowH(i: u32) -> Window {
  return windowOf(i, params.kernelH, params.strideH, params.paddingH, params.inH);
}

fn windowW(j: u32) -> Window {
  return windowOf(j, params.kernelW, params.strideW, params.paddingW, params.inW);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.outH * p.outW) {
    return;
  }
  let place = placeOf(to, p.outH, p.outW);
#if TWO_BY_TWO
  let at = (place.plane * p.inH + 2u * place.i) * p.inW + 2u * place.j;
  y[to] = (x[at] + x[at + 1u] + x[at + p.inW] + x[at + p.inW + 1u]) * 0.25;
#else
  let rows = windowH(place.i);
  let columns = windowW(place.j);
  var sum = 0.0;
  for (var h = rows.inside.first; h < rows.inside.end; h++) {
    let first = (place.plane * p.inH + h) * p.inW;
    for (var w = columns.inside.first; w < columns.inside.end; w++) {
      sum += x[first + w];
    }
  }
  y[to] = sum / f32(rows.count * columns.count);
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
  let rows = windowsOver(place.i, p.kernelH, p.strideH, p.paddingH, p.outH);
  let columns = windowsOver(place.j, p.kernelW, p.strideW, p.paddingW, p.outW);
  var sum = 0.0;
  for (var i = rows.first; i < rows.end; i++) {
    let count = windowH(i).count;
    for (var j = columns.first; j < columns.end; j++) {
      sum += dy[indexInY(place.plane, i, j)] / f32(count * windowW(j).count);
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
  let rows = windowH(place.i);
  let columns = windowW(place.j);

  var gradient = 0.0;
  if (inY(place)) {
    gradient = dy[indexInY(place.plane, place.i, place.j)] / f32(rows.count * columns.count);
  }
  for (var h = rows.inside.first; h < rows.inside.end; h++) {
    let to = (place.plane * p.inH + h) * p.inW;
    for (var w = columns.inside.first; w < columns.inside.end; w++) {
      dx[to + w] = gradient;
    }
  }
}
