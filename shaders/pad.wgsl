// pad: elements around x, (outer, inD, inH, inW), that are taken from within it.
// Dispatched by src/autograd/ops/pad.ts, which has the formulas.
//
//   forward    x -> y     one element of y after another
//   backward   dy -> dx   each element of dx adds up those of dy that were taken from it, in order
//
// Each thread takes several elements. A dimension without padding has 0 in front and out = in.

struct Params {
  count: u32,
  inD: i32, inH: i32, inW: i32,
  outD: i32, outH: i32, outW: i32,
  frontD: i32, frontH: i32, frontW: i32, // padding before; negative where elements are cut off
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<bits>;
@group(0) @binding(2) var<storage, read_write> y: array<bits>;

@group(0) @binding(1) var<storage, read> dy: array<scalar>;
@group(0) @binding(2) var<storage, read_write> dx: array<scalar>;

// The index in x of index `o` in y.
fn sourceOf(o: i32, front: i32, size: i32) -> i32 {
  let i = o - front;
#if REFLECT
  return size - 1 - abs(size - 1 - abs(i));
#elif REPLICATE
  return clamp(i, 0, size - 1);
#else
  // circular
  return (i + size) % size;
#endif
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var n = threadIndex(id, groups); n < params.count; n += threadCount(groups)) {
    var rest = n;
    let w = i32(rest % u32(params.outW));
    rest /= u32(params.outW);
    let h = i32(rest % u32(params.outH));
    rest /= u32(params.outH);
    let d = i32(rest % u32(params.outD));
    var at = (rest / u32(params.outD)) * u32(params.inD) + u32(sourceOf(d, params.frontD, params.inD));
    at = at * u32(params.inH) + u32(sourceOf(h, params.frontH, params.inH));
    at = at * u32(params.inW) + u32(sourceOf(w, params.frontW, params.inW));
    y[n] = x[at];
  }
}

// How many indices in y may come from index `i` in x, and the nth of them, which may be outside y.
#if REPLICATE
fn firstOf(i: i32, front: i32) -> i32 {
  return select(i + front, 0, i == 0);
}

fn candidates(i: i32, front: i32, size: i32, out: i32) -> i32 {
  let last = select(i + front, out - 1, i == size - 1);
  return last - firstOf(i, front) + 1;
}

fn candidate(n: i32, i: i32, front: i32, size: i32) -> i32 {
  return firstOf(i, front) + n;
}
#else
fn candidates(i: i32, front: i32, size: i32, out: i32) -> i32 {
  return 3;
}

fn candidate(n: i32, i: i32, front: i32, size: i32) -> i32 {
#if REFLECT
  if (n == 0) {
    return select(front - i, -1, i == 0); // an edge is not its own mirror image
  } else if (n == 1) {
    return front + i;
  }
  return select(front + 2 * (size - 1) - i, -1, i == size - 1);
#else
  return front + i + (n - 1) * size;
#endif
}
#endif

fn isWithin(o: i32, out: i32) -> bool {
  return o >= 0 && o < out;
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var n = threadIndex(id, groups); n < params.count; n += threadCount(groups)) {
    var rest = n;
    let w = i32(rest % u32(params.inW));
    rest /= u32(params.inW);
    let h = i32(rest % u32(params.inH));
    rest /= u32(params.inH);
    let d = i32(rest % u32(params.inD));
    let outer = rest / u32(params.inD);
    let inD = candidates(d, params.frontD, params.inD, params.outD);
    let inH = candidates(h, params.frontH, params.inH, params.outH);
    let inW = candidates(w, params.frontW, params.inW, params.outW);
    var sum = 0.0;
    for (var nD = 0; nD < inD; nD++) {
      let oD = candidate(nD, d, params.frontD, params.inD);
      if (!isWithin(oD, params.outD)) {
        continue;
      }
      for (var nH = 0; nH < inH; nH++) {
        let oH = candidate(nH, h, params.frontH, params.inH);
        if (!isWithin(oH, params.outH)) {
          continue;
        }
        for (var nW = 0; nW < inW; nW++) {
          let oW = candidate(nW, w, params.frontW, params.inW);
          if (isWithin(oW, params.outW)) {
            let plane = (outer * u32(params.outD) + u32(oD)) * u32(params.outH) + u32(oH);
            sum += f32(dy[plane * u32(params.outW) + u32(oW)]);
          }
        }
      }
    }
    dx[n] = scalar(sum);
  }
}
