// update: what the kernels of optimizers have in common. A thread takes RUN neighbouring values of the
// arrays, each of which is one element, or with QUADS four. Needs threads.wgsl.

#if QUADS
alias Values = vec4f;
alias Stored = vec4<scalar>;
const WIDTH = 4u;
#else
alias Values = f32;
alias Stored = scalar;
const WIDTH = 1u;
#endif

override RUN: u32 = 1u;

// The first value of a thread, and where its values end, in arrays of `count` elements.
fn runOf(thread: u32, count: u32) -> vec2u {
  let first = thread * RUN;
  return vec2u(first, min(first + RUN, count / WIDTH));
}
