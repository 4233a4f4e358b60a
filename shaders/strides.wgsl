// strides: where element i of a shape, counted in row-major order, lies in two arrays a and b that
// are laid out by strides. A stride of 0 broadcasts. Needs the fields of `struct Params` that
// src/autograd/kernels/strides.ts lists; dimension 0 is the innermost.

// Dimensions within the outermost; a constant, so that the rest of the steps costs nothing.
override INNER: u32 = 5u;

// (offset in a, offset in b)
fn offsetsOf(i: u32) -> vec2u {
  var rest = i;
  var at = vec2u(params.aOffset, params.bOffset);
  if (INNER > 0u) {
    at += (rest % params.size0) * vec2u(params.a0, params.b0);
    rest /= params.size0;
  }
  if (INNER > 1u) {
    at += (rest % params.size1) * vec2u(params.a1, params.b1);
    rest /= params.size1;
  }
  if (INNER > 2u) {
    at += (rest % params.size2) * vec2u(params.a2, params.b2);
    rest /= params.size2;
  }
  if (INNER > 3u) {
    at += (rest % params.size3) * vec2u(params.a3, params.b3);
    rest /= params.size3;
  }
  if (INNER > 4u) {
    at += (rest % params.size4) * vec2u(params.a4, params.b4);
    rest /= params.size4;
  }
  return at + rest * vec2u(params.aOuter, params.bOuter);
}
