// conv2dIncoming: the array that a convolution or one of its gradients reads, at binding 1. With
// ACTIVATED it is dL/dy of an activated y, and comes through the activation.
// Needs epilogue.wgsl.

@group(0) @binding(1) var<storage, read> source: array<scalar>;
#if ACTIVATED
@group(0) @binding(2) var<storage, read> activated: array<scalar>;
#endif

fn incoming(i: u32) -> f32 {
#if ACTIVATED
  return activationGradient(f32(source[i]), f32(activated[i]));
#else
  return f32(source[i]);
#endif
}
