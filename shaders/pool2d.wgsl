// pool2d: where the windows of a pool lie. Uses the fields of Params that both pools begin with
// (src/autograd/kernels/pool2d.ts).

// Numbers first .. end - 1.
struct Range {
  first: u32,
  end: u32,
}

// The windows that reach over element `i`; `extent` is how much a window covers.
fn windowsOver(i: u32, extent: u32, stride: u32, padding: u32, windows: u32) -> Range {
  let at = i + padding;
  let first = (max(at + stride, extent) - extent) / stride;
  return Range(first, min(at / stride + 1u, windows));
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

// Windows along an axis that lie side by side and cover all of x, past the last ones of y too.
fn covering(size: u32, kernel: u32) -> u32 {
  return (size + kernel - 1u) / kernel;
}

fn inY(at: Place) -> bool {
  return at.i < params.outH && at.j < params.outW;
}

fn indexInY(plane: u32, i: u32, j: u32) -> u32 {
  return (plane * params.outH + i) * params.outW + j;
}
