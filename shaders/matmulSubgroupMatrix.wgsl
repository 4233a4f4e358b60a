// matmulSubgroupMatrix: C = f(op(A) op(B) + bias), row-major, by matrices that the invocations of a
// subgroup hold together: WGSL's extension chromium_experimental_subgroup_matrix, behind SUBGROUP_MATRICES. It
// knows them in the sizes of the adapter alone, so M, N and K are whole multiples of those.
// Dispatched by src/autograd/kernels/matmulVariants.ts.
//
//   multiply   op(A) (M, K), op(B) (K, N), bias (N) -> C (M, N)   one subgroup for a block of C
//
// Without SUBGROUP_MATRICES 64 threads share a matrix and multiply by plain arithmetic: for tests, where
// adapters that lack the extension prove all but its four functions.
//
// A block has 32x32 elements. Products of a batch, `batch` of them, and parts of the sum over K are as
// in matmul.wgsl. The sums are of f32; they go through workgroup memory to become C.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  span: u32, // of K, in each split; a multiple of DEPTH
  splits: u32,
  batch: u32,
  inner: u32, // batch = outer * inner, and A and B move by their own strides along both
  aStart: u32,
  aOuter: u32,
  aInner: u32,
  bStart: u32,
  bOuter: u32,
  bInner: u32,
  cStart: u32,
  aStride: u32, // elements from one row of A, as it is stored, to the next
  bStride: u32,
  cStride: u32,
}

// Subgroups of a workgroup that have a block each. There may be more, where the adapter has subgroups
// of several sizes: they idle.
override SUBGROUPS: u32 = 1u;
const MOST_SUBGROUPS = 4;

#if SPLIT
alias Sum = f32; // parts of sums
#else
alias Sum = scalar;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<scalar>;
@group(0) @binding(2) var<storage, read> b: array<scalar>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<vec4<scalar>>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4<Sum>>;
#else
@group(0) @binding(3) var<storage, read_write> c: array<vec4<Sum>>;
#endif

// A matrix of op(A) has HEIGHT x DEPTH elements, one of op(B) DEPTH x WIDTH.
#if HEIGHT_32
const HEIGHT = 32;
#elif HEIGHT_16
const HEIGHT = 16;
#else
const HEIGHT = 8;
#endif
#if WIDTH_32
const WIDTH = 32;
#elif WIDTH_16
const WIDTH = 16;
#else
const WIDTH = 8;
#endif
#if DEPTH_32
const DEPTH = 32;
#elif DEPTH_16
const DEPTH = 16;
#else
const DEPTH = 8;
#endif

const BLOCK = 32u;
const ROWS = BLOCK / HEIGHT; // of matrices, in a block
const COLUMNS = BLOCK / WIDTH;

// One matrix of each subgroup, on its way to C.
const SIZE = HEIGHT * WIDTH;
var<workgroup> shelf: array<f32, MOST_SUBGROUPS * SIZE>;

#if SUBGROUP_MATRICES
alias Left = subgroup_matrix_left<scalar, DEPTH, HEIGHT>; // WGSL says columns, rows
alias Right = subgroup_matrix_right<scalar, WIDTH, DEPTH>;
alias Result = subgroup_matrix_result<f32, WIDTH, HEIGHT>;

// From element `at` of A on.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn loadLeft(at: u32) -> Left {
#if TRANSPOSE_A
  return subgroupMatrixLoad<Left, col_major>(&a, at, params.aStride);
#else
  return subgroupMatrixLoad<Left, row_major>(&a, at, params.aStride);
#endif
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn loadRight(at: u32) -> Right {
#if TRANSPOSE_B
  return subgroupMatrixLoad<Right, col_major>(&b, at, params.bStride);
#else
  return subgroupMatrixLoad<Right, row_major>(&b, at, params.bStride);
#endif
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn multiplyAdd(lane: u32, left: Left, right: Right, sums: Result) -> Result {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn putOnShelf(lane: u32, at: u32, sums: Result) {
  subgroupMatrixStore<row_major>(&shelf, at, sums, u32(WIDTH));
}
#else
const LANES = 64u;

alias Left = u32; // where it starts
alias Right = u32;
alias Result = array<f32, SIZE / LANES>;

fn loadLeft(at: u32) -> Left {
  return at;
}

fn loadRight(at: u32) -> Right {
  return at;
}

fn multiplyAdd(lane: u32, left: Left, right: Right, sums: Result) -> Result {
  var result = sums;
  for (var k = 0u; k < DEPTH; k++) {
    for (var i = 0u; i < SIZE / LANES; i++) {
      let at = lane + i * LANES;
      result[i] += f32(a[left + aIndex(at / WIDTH, k)]) * f32(b[right + bIndex(k, at % WIDTH)]);
    }
  }
  return result;
}

fn putOnShelf(lane: u32, at: u32, sums: Result) {
  var s = sums; // which may be indexed then
  for (var i = 0u; i < SIZE / LANES; i++) {
    shelf[at + lane + i * LANES] = s[i];
  }
}
#endif

fn aIndex(m: u32, k: u32) -> u32 {
#if TRANSPOSE_A
  return k * params.aStride + m;
#else
  return m * params.aStride + k;
#endif
}

fn bIndex(k: u32, n: u32) -> u32 {
#if TRANSPOSE_B
  return n * params.bStride + k;
#else
  return k * params.bStride + n;
#endif
}

#if SUBGROUP_MATRICES
@diagnostic(off, chromium.subgroup_matrix_uniformity)
#endif
@compute @workgroup_size(WORKGROUP)
fn multiply(
#if SUBGROUP_MATRICES
  @builtin(subgroup_id) id: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
  @builtin(subgroup_size) size: u32,
#else
  @builtin(local_invocation_index) local: u32,
#endif
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
#if SUBGROUP_MATRICES
  let subgroup = id;
  let lane = invocation;
  let lanes = size;
#else
  let subgroup = local / LANES;
  let lane = local % LANES;
  let lanes = LANES;
#endif
  // Neighbours have the same columns.
  let bands = (params.m + BLOCK - 1u) / BLOCK;
  let blocks = bands * ((params.n + BLOCK - 1u) / BLOCK);
  let number = (group.x + group.y * groups.x) * SUBGROUPS + subgroup;
  let product = number / blocks;
  let m = number % blocks % bands * BLOCK;
  let n = number % blocks / bands * BLOCK;
  let split = product / params.batch;
  let item = product % params.batch;
  let busy = subgroup < SUBGROUPS && split < params.splits;

  var sums: array<Result, ROWS * COLUMNS>;
  if (busy) {
    let outer = item / params.inner;
    let inner = item % params.inner;
    let aStart = params.aStart + outer * params.aOuter + inner * params.aInner;
    let bStart = params.bStart + outer * params.bOuter + inner * params.bInner;
    let end = min((split + 1u) * params.span, params.k);
    for (var k = split * params.span; k < end; k += DEPTH) {
      // Where the block reaches beyond C, its last matrix is computed again.
      var right: array<Right, COLUMNS>;
      for (var j = 0u; j < COLUMNS; j++) {
        right[j] = loadRight(bStart + bIndex(k, min(n + j * WIDTH, params.n - WIDTH)));
      }
      for (var i = 0u; i < ROWS; i++) {
        let left = loadLeft(aStart + aIndex(min(m + i * HEIGHT, params.m - HEIGHT), k));
        for (var j = 0u; j < COLUMNS; j++) {
          sums[i * COLUMNS + j] = multiplyAdd(lane, left, right[j], sums[i * COLUMNS + j]);
        }
      }
    }
  }

  let cStart = params.cStart + product * params.m * params.cStride;
  let place = subgroup * SIZE;
  for (var i = 0u; i < ROWS * COLUMNS; i++) {
    let row = m + i / COLUMNS * HEIGHT;
    let column = n + i % COLUMNS * WIDTH;
    if (busy) {
      putOnShelf(lane, place, sums[i]);
    }
    workgroupBarrier();
    if (busy && row < params.m && column < params.n) {
      for (var quad = lane; quad < SIZE / 4u; quad += lanes) {
        let at = place + quad * 4u;
        let y = row + quad / (WIDTH / 4u);
        let x = column + quad % (WIDTH / 4u) * 4u;
        store(
          cStart + y * params.cStride + x, x,
          vec4f(shelf[at], shelf[at + 1u], shelf[at + 2u], shelf[at + 3u]));
      }
    }
    workgroupBarrier(); // before the next matrix takes its place
  }
}

// Four elements of C from column n on.
fn store(at: u32, n: u32, sums: vec4f) {
  var quad = sums;
#if BIAS
  quad += vec4f(bias[n / 4u]);
#endif
  c[at / 4u] = vec4<Sum>(activateQuad(quad));
}
