// conv2dIncoming: the array that a convolution or one of its gradients reads, at binding 1. With
// ACTIVATED it is dL/dy of an activated y, and comes through the activation: dL/dy * slope(y).
// Needs epilogue.wgsl.

@group(0) @binding(1) var<storage, read> source: array<f32>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<f32>;
#endif

fn incoming(i: u32) -> f32 {
#if ACTIVATED
  return source[i] * slope(activated[i]);
#else
  return source[i];
#endif
}
