// pool2d: the maximum (by the flag MAX) or the mean of each window of x, (planes, inH, inW).
// Dispatched by src/autograd/kernels/pool2d.ts; ops/maxPool2d.ts and ops/avgPool2d.ts have the
// formulas.
//
//   forward   x -> y, indices      one thread for `span` elements of a row of y; indices only with
//                                  INDICES. With TWO_BY_TWO its windows are 2 by 2 and lie side by side
//                                  inside of x
//   gather    dy, indices -> dx    one thread for `span` elements of a row of dx
//   scatter   dy, indices -> dx    one thread for `span` windows of a row, which writes all of them: for
//                                  windows that lie side by side, and some that lie past the last ones.
//                                  With TWO_BY_TWO there are none of these, and x has none to their side
//
// Only the maximum has indices: h * inW + w within the plane, -1 for a window without an element.
// Windows may overlap, so `gather` looks at every window that reaches over its element: no atomics,
// all of dx written. ADAPTIVE says that windows follow from the sizes of x and y alone.

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
  paddingH: u32, // before the first element
  paddingW: u32,
  paddedH: u32, // x with the padding on both sides
  paddedW: u32,
  dilationH: u32,
  dilationW: u32,
  lowest: f32, // -Inf, which WGSL cannot write
  divisor: f32, // of each sum, with DIVISOR
  span: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
@group(0) @binding(3) var<storage, read_write> indicesOut: array<i32>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
#if MAX
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;
#else
@group(0) @binding(2) var<storage, read_write> dx: array<scalar>;
#endif

const NONE = -1;

// Numbers first .. end - 1.
struct Range {
  first: u32,
  end: u32,
}

// Element (i, j) of a plane that holds one for each window, or for each element of x.
struct Place {
  plane: u32,
  i: u32,
  j: u32,
}

fn placeOf(index: u32, height: u32, width: u32) -> Place {
  let row = index / width;
  let plane = row / height;
  return Place(plane, row - plane * height, index - row * width);
}

fn indexInY(plane: u32, i: u32, j: u32) -> u32 {
  return (plane * params.outH + i) * params.outW + j;
}

// Height or width.
struct Axis {
  input: u32,
  output: u32,
  kernel: u32,
  stride: u32,
  padding: u32,
  padded: u32,
  dilation: u32,
}

fn axisH() -> Axis {
  let p = params;
  return Axis(p.inH, p.outH, p.kernelH, p.strideH, p.paddingH, p.paddedH, p.dilationH);
}

fn axisW() -> Axis {
  let p = params;
  return Axis(p.inW, p.outW, p.kernelW, p.strideW, p.paddingW, p.paddedW, p.dilationW);
}

// A window along one axis: its tap t is element first + t * dilation, which is inside of x for
// t in `taps`; `count` of its elements count in a mean.
struct Window {
  first: i32,
  taps: Range,
  count: u32,
}

fn windowOf(a: Axis, i: u32) -> Window {
#if ADAPTIVE
  let first = i * a.input / a.output;
  let size = ((i + 1u) * a.input + a.output - 1u) / a.output - first;
  return Window(i32(first), Range(0u, size), size);
#else
  let first = i32(i * a.stride) - i32(a.padding);
  let before = u32(max(0, -first));
  let rest = u32(max(0, i32(a.input) - first));
  let up = a.dilation - 1u;
  let taps = Range((before + up) / a.dilation, min(a.kernel, (rest + up) / a.dilation));
#if COUNT_PADDING
  return Window(first, taps, min(a.kernel, a.padded - i * a.stride));
#else
  return Window(first, taps, taps.end - taps.first);
#endif
#endif
}

// The windows that reach over element `h`, gaps of dilation included.
fn windowsOver(a: Axis, h: u32) -> Range {
#if ADAPTIVE
  return Range(h * a.output / a.input, ((h + 1u) * a.output + a.input - 1u) / a.input);
#else
  let at = h + a.padding;
  let extent = (a.kernel - 1u) * a.dilation + 1u;
  return Range((max(at + a.stride, extent) - extent) / a.stride, min(at / a.stride + 1u, a.output));
#endif
}

fn divisorOf(rows: u32, columns: u32) -> f32 {
#if DIVISOR
  return params.divisor;
#else
  return f32(rows * columns);
#endif
}

// What is known of a window: its maximum so far and where it is, or its sum.
struct Total {
  value: f32,
  index: i32,
}

fn nothing() -> Total {
#if MAX
  return Total(params.lowest, NONE);
#else
  return Total(0.0, NONE);
#endif
}

// `total` with element `at` of the plane that begins at `plane`. PyTorch's rule for the maximum:
// what is greater takes over, and so does NaN.
fn added(total: Total, plane: u32, at: u32) -> Total {
  let value = f32(x[plane + at]);
#if MAX
  let isGreater = (value > total.value) & !isNan(total.value);
  let wins = (total.index == NONE) | isNan(value) | isGreater; // each computed: a branch costs more
  return Total(select(total.value, value, wins), select(total.index, i32(at), wins));
#else
  return Total(total.value + value, NONE);
#endif
}

// The elements of a row of a plane that a thread takes.
struct Span {
  plane: u32,
  i: u32, // row
  columns: Range,
}

fn spanOf(thread: u32, height: u32, width: u32) -> Span {
  let place = placeOf(thread, height, (width + params.span - 1u) / params.span);
  let first = place.j * params.span;
  return Span(place.plane, place.i, Range(first, min(first + params.span, width)));
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let span = spanOf(threadIndex(id, groups), p.outH, p.outW);
  if (span.plane >= p.planes) {
    return;
  }
  let plane = span.plane * p.inH * p.inW;
#if TWO_BY_TWO
#else
  let rows = windowOf(axisH(), span.i);
#endif
  for (var j = span.columns.first; j < span.columns.end; j++) {
    var total = nothing();
#if TWO_BY_TWO
    let at = 2u * (span.i * p.inW + j);
    total = added(total, plane, at);
    total = added(total, plane, at + 1u);
    total = added(total, plane, at + p.inW);
    total = added(total, plane, at + p.inW + 1u);
    let divisor = divisorOf(2u, 2u);
#else
    let columns = windowOf(axisW(), j);
    for (var u = rows.taps.first; u < rows.taps.end; u++) {
      let row = u32(rows.first + i32(u * p.dilationH)) * p.inW;
      for (var v = columns.taps.first; v < columns.taps.end; v++) {
        total = added(total, plane, row + u32(columns.first + i32(v * p.dilationW)));
      }
    }
    let divisor = divisorOf(rows.count, columns.count);
#endif
    let to = indexInY(span.plane, span.i, j);
#if MAX
    y[to] = scalar(total.value);
#if INDICES
    indicesOut[to] = total.index;
#endif
#else
    y[to] = scalar(total.value / divisor);
#endif
  }
}

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let span = spanOf(threadIndex(id, groups), p.inH, p.inW);
  if (span.plane >= p.planes) {
    return;
  }
  let line = span.i * p.inW;
  let rows = windowsOver(axisH(), span.i);
  for (var w = span.columns.first; w < span.columns.end; w++) {
    let columns = windowsOver(axisW(), w);
    var sum = 0.0;
    for (var i = rows.first; i < rows.end; i++) {
      for (var j = columns.first; j < columns.end; j++) {
        let window = indexInY(span.plane, i, j);
#if MAX
        if (indices[window] == i32(line + w)) {
          sum += f32(dy[window]);
        }
#else
        sum += f32(dy[window]) / divisorOf(windowOf(axisH(), i).count, windowOf(axisW(), j).count);
#endif
      }
    }
    dx[span.plane * p.inH * p.inW + line + w] = scalar(sum);
  }
}

// Windows along an axis that lie side by side and cover all of x, past the last ones of y too.
fn covering(a: Axis) -> u32 {
  return (a.input + a.kernel - 1u) / a.kernel;
}

@compute @workgroup_size(WORKGROUP)
fn scatter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let span = spanOf(threadIndex(id, groups), covering(axisH()), covering(axisW()));
  if (span.plane >= p.planes) {
    return;
  }
  let plane = span.plane * p.inH * p.inW;
  for (var j = span.columns.first; j < span.columns.end; j++) {
    var index = NONE;
    var gradient = 0.0;
    if (span.i < p.outH && j < p.outW) {
      let window = indexInY(span.plane, span.i, j);
      gradient = f32(dy[window]);
#if MAX
      index = indices[window];
#else
      gradient /= divisorOf(windowOf(axisH(), span.i).count, windowOf(axisW(), j).count);
#endif
    }
#if TWO_BY_TWO
    let at = 2u * (span.i * p.inW + j);
    write(plane, at, gradient, index);
    write(plane, at + 1u, gradient, index);
    write(plane, at + p.inW, gradient, index);
    write(plane, at + p.inW + 1u, gradient, index);
#else
    let endH = min((span.i + 1u) * p.kernelH, p.inH);
    let endW = min((j + 1u) * p.kernelW, p.inW);
    for (var h = span.i * p.kernelH; h < endH; h++) {
      for (var w = j * p.kernelW; w < endW; w++) {
        write(plane, h * p.inW + w, gradient, index);
      }
    }
#endif
  }
}

// An element of a window, whose maximum is at `index`.
fn write(plane: u32, at: u32, gradient: f32, index: i32) {
#if MAX
  dx[plane + at] = scalar(select(0.0, gradient, i32(at) == index));
#else
  dx[plane + at] = scalar(gradient);
#endif
}
