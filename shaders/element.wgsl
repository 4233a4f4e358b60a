// element: T, the type that elements are computed in: f32, or by flag I32 or U32. Arrays hold
// `scalar`, which is f16 or T. The flags are those of src/autograd/kernels/element.ts.

#if I32
alias T = i32;

fn isNan(x: i32) -> bool {
  return false;
}
#elif U32
alias T = u32;

fn isNan(x: u32) -> bool {
  return false;
}
#else
alias T = f32;

// By the bits: a compiler may assume that x == x.
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
#endif
