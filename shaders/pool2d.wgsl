// pool2d: where the windows of a pool lie along one axis.

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
