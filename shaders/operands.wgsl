// operands: where the elements of two operands a and b, which broadcast to y, lie for element i of the
// part of y that is bound. Needs strides.wgsl and the fields of `struct Params` that
// src/autograd/kernels/operands.ts lists.

// (place in a, place in b)
fn operandsOf(i: u32) -> vec2u {
  // An operand of as many elements as y is bound in the same parts, the other one whole.
  return offsetsOf(params.start + i) - params.start * vec2u(params.aPart, params.bPart);
}
