// conv2dWindows: repeats the inputs of a convolution so that the kernels that multiply read whole
// vec4fs that need no check for edges, whatever stride, dilation and padding are.
// Dispatched by src/autograd/kernels/convolutionLayout.ts.
//
//   pack   x (planes, inH, inW) -> windows (planes, rows, strips, parts, window) of vec4
//
// A row of taps is dealt out to `parts`, see conv2dTaps.wgsl. Element e of the window of a strip is
// the input that its pixel e needs for tap t = 0 of the part, and so the one that pixel e - t needs
// for tap t: phases * dilationW = strideW wherever taps > 1.
//
// One thread for each vec4.

struct Params {
  start: u32, // the first element of x that is read
  planes: u32,
  inH: u32,
  inW: u32,
  rows: u32,
  strips: u32,
  parts: u32,
  window: u32, // vec4s
  pixels: u32, // of a strip
  phases: u32,
  taps: u32,
  kernelW: u32,
  strideW: u32,
  dilationW: u32,
  paddingH: i32,
  paddingW: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if ACTIVATED
@group(0) @binding(3) var<storage, read_write> windows: array<vec4<scalar>>;
#else
@group(0) @binding(2) var<storage, read_write> windows: array<vec4<scalar>>;
#endif

// Reads in any case, which costs less than a branch.
fn element(row: u32, column: i32) -> f32 {
  let last = i32(params.inW) - 1;
  let value = incoming(params.start + row * params.inW + u32(clamp(column, 0, last)));
  return select(0.0, value, column >= 0 && column <= last);
}

@compute @workgroup_size(WORKGROUP)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let to = threadIndex(id, groups);
  if (to >= p.planes * p.rows * p.strips * p.parts * p.window) {
    return;
  }
  var i = to / p.window;
  let quad = to - i * p.window;
  let part = i % p.parts;
  i /= p.parts;
  let strip = i % p.strips;
  i /= p.strips;
  let plane = i / p.rows;

  let row = i32(i - plane * p.rows) - p.paddingH;
  if (row < 0 || row >= i32(p.inH)) {
    windows[to] = vec4<scalar>();
    return;
  }
  let kw = part % p.phases + p.phases * firstTap(part);
  let pixel = strip * p.pixels + 4u * quad;
  let column = i32(pixel * p.strideW + kw * p.dilationW) - p.paddingW;
  let inRow = plane * p.inH + u32(row);
  let step = i32(p.strideW);
  windows[to] = vec4<scalar>(vec4f(
    element(inRow, column),
    element(inRow, column + step),
    element(inRow, column + 2 * step),
    element(inRow, column + 3 * step),
  ));
}
