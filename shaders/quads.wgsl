// quads: four threads with consecutive numbers, in whatever order, of subgroups of any size, for kernels
// with SHARED whose quads read some of their values together.

#if SHARED
// The number of a thread, by that of the first of its quad and its place there.
@diagnostic(off, subgroup_uniformity)
fn threadOfQuad(thread: u32, inSubgroup: u32) -> u32 {
  return quadBroadcast(thread, 0u) / 4u * 4u + inSubgroup % 4u;
}
#endif
