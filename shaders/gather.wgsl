// gather: elements of x that an index chooses along one dimension.
// Dispatched by src/autograd/kernels/gather.ts.
//
//   gather    x, index -> y               y[i] = x[.., index[i], ..]
//   scatter   dy, index -> dx             its reverse, where no index comes twice
//   sum       dy, index (, order) -> dx   its reverse: each element of dx adds up those of dy that
//                                         were taken from it, in the order of their places
//
// Each thread takes several elements. In strides.wgsl, for gather and scatter, a is x (or dx) at
// index 0 of the dimension, and b is the index. For sum, a is dy at place 0, and b is dx. A negative
// index is a large one here. What is out of range gives `missing`, and takes part in no sum.
//
// With SORTED, `order` has the places of each row, sorted by their index, in the layout of `index`.

struct Params {
  count: u32,
  size: u32, // of x along the dimension
  step: u32, // from one element along it to the next, in x
  missing: u32, // bits
  places: u32, // of dy along the dimension
  placeStep: u32,
  indexStep: u32,
  ownIndex: u32, // 1 if each row of dy has its own index, 0 if all share one
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, aOuter: u32, aOffset: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, bOuter: u32, bOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<bits>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<bits>;

#if SORTED
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> dx: array<scalar>;
#else
@group(0) @binding(3) var<storage, read_write> dx: array<scalar>;
#endif
@group(0) @binding(1) var<storage, read> dy: array<scalar>;

@compute @workgroup_size(WORKGROUP)
fn gather(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    let chosen = index[at.y];
    if (chosen < params.size) {
      y[i] = x[at.x + chosen * params.step];
    } else {
      y[i] = bitsOf(params.missing);
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn scatter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    let chosen = index[at.y];
    if (chosen < params.size) {
      y[at.x + chosen * params.step] = x[i];
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn sum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = threadIndex(id, groups); i < params.count; i += threadCount(groups)) {
    let at = offsetsOf(i);
    let wanted = (at.y / params.step) % params.size;
    let indexBase = at.x * params.ownIndex;
    // The error grows with the longest chain of additions: 32 terms, 32 of those chains, the rest.
    var total = 0.0;
    var chains = 0.0;
    var chain = 0.0;
    var terms = 0u;
#if SORTED
    // the first place in order whose index is not below the one wanted
    var first = 0u;
    var end = params.places;
    while (first < end) {
      let middle = (first + end) / 2u;
      if (index[indexBase + order[indexBase + middle * params.indexStep] * params.indexStep] < wanted) {
        first = middle + 1u;
      } else {
        end = middle;
      }
    }
    for (var n = first; n < params.places; n++) {
      let place = order[indexBase + n * params.indexStep];
      if (index[indexBase + place * params.indexStep] != wanted) {
        break;
      }
#else
    for (var place = 0u; place < params.places; place++) {
      if (index[indexBase + place * params.indexStep] != wanted) {
        continue;
      }
#endif
      chain += f32(dy[at.x + place * params.placeStep]);
      terms++;
      if (terms % 32u == 0u) {
        chains += chain;
        chain = 0.0;
      }
      if (terms % 1024u == 0u) {
        total += chains;
        chains = 0.0;
      }
    }
    dx[at.y] = scalar(total + (chains + chain));
  }
}
