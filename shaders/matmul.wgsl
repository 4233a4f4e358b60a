// matmul: C = f(op(A) op(B) + bias), row-major, where op is the identity or the transpose and f an
// activation function or nothing. Dispatched by src/autograd/kernels/matmulVariants.ts.
//
//   registers   op(A) (M, K), op(B) (K, N), bias (N) -> C (M, N)   one thread for each block of C
//   tiled       the same                                           one workgroup for each tile of C
//
// In `registers` a thread holds 8, 4 or 1 rows and 8 columns of C, or 8 rows and 16 or 32 columns. There
// is no workgroup memory: neighbours read the same rows and columns through the cache, or with SHARED
// the four threads of a quad, which have the same columns, read a quarter of op(B) each and hand it to
// the others. With SHALLOW, where K is 4 or less, or 8 with SHALLOW_8, it holds 8 rows of op(A), and
// computes 256 columns of C one after the other.
//
// In `tiled` 64 threads bring tiles of op(A) and op(B) to workgroup memory, and each computes 8x8 or
// 4x4 elements from them.
//
// A 4x4 block of C gains a product of two 4x4 blocks at each step. WGSL's matrices are stored by
// columns, so the code holds the transposes of all three, of which each column is a row that is
// contiguous in memory: C^T += B^T A^T.
//
// Several products run at once: `batch` of them, and of each `splits` parts of the sum over K,
// which go to (splits, batch, M, N) of f32 and are added up by matmulSum.wgsl. The sums are of f32,
// and with ADD they are added to C.
//
// With ACTIVATED, A is dL/dy of y = f(...), and is multiplied by f' as it is read. ROW_SUMS adds up
// the rows of op(A) as well, (M): the gradient of a bias beside that of its weight.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  span: u32, // of K, in each split; a multiple of 4
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

// Blocks of rows that threads with consecutive numbers take, before they go to the next column.
override BAND: u32 = 1u;

#if A_QUADS
alias A = vec4<scalar>;
#else
alias A = scalar;
#endif
#if B_QUADS
alias B = vec4<scalar>;
#else
alias B = scalar;
#endif
#if SPLIT
alias Sum = f32; // parts of sums
#else
alias Sum = scalar;
#endif
#if C_QUADS
alias C = vec4<Sum>;
alias Bias = vec4<scalar>;
#else
alias C = Sum;
alias Bias = scalar;
#endif

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<A>;
@group(0) @binding(2) var<storage, read> b: array<B>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<Bias>;
@group(0) @binding(4) var<storage, read_write> c: array<C>;
#elif ACTIVATED
@group(0) @binding(3) var<storage, read> activated: array<A>;
@group(0) @binding(4) var<storage, read_write> c: array<C>;
#if ROW_SUMS
@group(0) @binding(5) var<storage, read_write> rowSums: array<Sum>;
#endif
#else
@group(0) @binding(3) var<storage, read_write> c: array<C>;
#if ROW_SUMS
@group(0) @binding(4) var<storage, read_write> rowSums: array<Sum>;
#endif
#endif

#if ROWS_8
const ROWS = 8u;
#elif ROWS_4
const ROWS = 4u;
#else
const ROWS = 1u;
#endif

// `Rows` is a block of op(A) or C, transposed; `Column` one column of a block of op(A).
#if ROWS_1
alias Rows = vec4f;
alias Column = f32;
#else
alias Rows = mat4x4f;
alias Column = vec4f;
#endif

// Four elements of A from its element i on. What lies outside a matrix is read as well, as some
// other number of the array, and ends in elements of C that are not stored.
fn aQuad(i: u32) -> vec4f {
#if A_QUADS
  let quad = vec4f(a[i / 4u]);
#else
  let quad = vec4f(vec4<scalar>(a[i], a[i + 1u], a[i + 2u], a[i + 3u]));
#endif
#if ACTIVATED
  return quadGradient(quad, yQuad(i));
#else
  return quad;
#endif
}

fn aElement(i: u32) -> f32 {
#if A_QUADS
  let element = f32(a[i / 4u][i % 4u]);
#else
  let element = f32(a[i]);
#endif
#if ACTIVATED
  return activationGradient(element, yElement(i));
#else
  return element;
#endif
}

#if ACTIVATED
fn yQuad(i: u32) -> vec4f {
#if A_QUADS
  return vec4f(activated[i / 4u]);
#else
  return vec4f(
    vec4<scalar>(activated[i], activated[i + 1u], activated[i + 2u], activated[i + 3u]));
#endif
}

fn yElement(i: u32) -> f32 {
#if A_QUADS
  return f32(activated[i / 4u][i % 4u]);
#else
  return f32(activated[i]);
#endif
}
#endif

fn bQuad(i: u32) -> vec4f {
#if B_QUADS
  return vec4f(b[i / 4u]);
#else
  return vec4f(vec4<scalar>(b[i], b[i + 1u], b[i + 2u], b[i + 3u]));
#endif
}

fn bElement(i: u32) -> f32 {
#if B_QUADS
  return f32(b[i / 4u][i % 4u]);
#else
  return f32(b[i]);
#endif
}

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

// Rows m, m + 1, ... of op(A), from column k on.
fn aBlock(start: u32, m: u32, k: u32) -> Rows {
  let i = start + aIndex(m, k);
#if ROWS_1
  return aQuad(i);
#elif TRANSPOSE_A
  let s = params.aStride;
  return transpose(mat4x4f(aQuad(i), aQuad(i + s), aQuad(i + 2u * s), aQuad(i + 3u * s)));
#else
  let s = params.aStride;
  return mat4x4f(aQuad(i), aQuad(i + s), aQuad(i + 2u * s), aQuad(i + 3u * s));
#endif
}

// Rows k, k + 1, ... of op(B), from column n on. `lane` is the place of the thread in its quad.
#if SHARED
@diagnostic(off, subgroup_uniformity)
#endif
fn bBlock(start: u32, k: u32, n: u32, lane: u32) -> mat4x4f {
  let i = start + bIndex(k, n);
  let s = params.bStride;
#if SHARED
  let own = bQuad(i + lane * s);
  let block = mat4x4f(
    quadBroadcast(own, 0u), quadBroadcast(own, 1u), quadBroadcast(own, 2u), quadBroadcast(own, 3u));
#else
  let block = mat4x4f(bQuad(i), bQuad(i + s), bQuad(i + 2u * s), bQuad(i + 3u * s));
#endif
#if TRANSPOSE_B
  return transpose(block);
#else
  return block;
#endif
}

fn outer(row: vec4f, column: Column) -> Rows {
#if ROWS_1
  return row * column;
#else
  return mat4x4f(row * column.x, row * column.y, row * column.z, row * column.w);
#endif
}

// Columns n to n + 3 of row m of C.
fn store(start: u32, m: u32, n: u32, sums: vec4f) {
  if (m >= params.m || n >= params.n) {
    return;
  }
  let at = start + m * params.cStride + n;
#if C_QUADS
  var quad = sums;
#if BIAS
  quad += vec4f(bias[n / 4u]);
#endif
#if ADD
  quad += vec4f(c[at / 4u]);
#endif
  c[at / 4u] = C(finished(quad));
#else
  for (var j = 0u; j < min(4u, params.n - n); j++) {
    var value = sums[j];
#if BIAS
    value += f32(bias[n + j]);
#endif
#if ADD
    value += f32(c[at + j]);
#endif
    c[at + j] = C(finished(vec4f(value)).x);
  }
#endif
}

// The result of what was summed up.
fn finished(quad: vec4f) -> vec4f {
#if ACTIVATED
  return quad; // the activation is that of A
#else
  return activateQuad(quad);
#endif
}

// 4x4 elements of C from row m and column n on.
fn storeBlock(start: u32, m: u32, n: u32, sums: mat4x4f) {
  store(start, m, n, sums[0]);
  store(start, m + 1u, n, sums[1]);
  store(start, m + 2u, n, sums[2]);
  store(start, m + 3u, n, sums[3]);
}

#if ROW_SUMS
// The sum of row m of op(A), or of its part `split`.
fn storeRowSum(split: u32, m: u32, sum: f32) {
  if (m < params.m) {
    let at = split * params.m + m;
#if ADD
    rowSums[at] = Sum(sum + f32(rowSums[at]));
#else
    rowSums[at] = Sum(sum);
#endif
  }
}

fn storeRowSums(split: u32, m: u32, sums: vec4f) {
  storeRowSum(split, m, sums.x);
  storeRowSum(split, m + 1u, sums.y);
  storeRowSum(split, m + 2u, sums.z);
  storeRowSum(split, m + 3u, sums.w);
}
#endif

// Where matrices of a product of the batch start.
fn aStartOf(item: u32) -> u32 {
  return params.aStart + item / params.inner * params.aOuter + item % params.inner * params.aInner;
}

fn bStartOf(item: u32) -> u32 {
  return params.bStart + item / params.inner * params.bOuter + item % params.inner * params.bInner;
}

// The columns of a block that has one for each k from `k` on, zero beyond the end of the sum.
fn within(block: mat4x4f, k: u32, end: u32) -> mat4x4f {
  if (k + 4u <= end) {
    return block;
  }
  let none = vec4f();
  return mat4x4f(
    select(none, block[0], k < end),
    select(none, block[1], k + 1u < end),
    select(none, block[2], k + 2u < end),
    none);
}

#if TILED
const TILE = 8u * ROWS; // rows and columns: 64 or 32
const QUADS = TILE / 4u;
const DEPTH = 1024u / TILE; // of K: each of 64 threads brings a 4x4 block of either tile

// Rows of vec4f along M and N, one for each k.
var<workgroup> aTile: array<vec4f, 256>;
var<workgroup> bTile: array<vec4f, 256>;

@compute @workgroup_size(WORKGROUP)
fn tiled(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let bands = (params.m + TILE - 1u) / TILE;
  let tiles = bands * ((max(params.n, 1u) + TILE - 1u) / TILE);
  let number = group.x + group.y * groups.x;
  let product = number / tiles;
  let m = number % tiles % bands * TILE;
  let n = number % tiles / bands * TILE;
  let split = product / params.batch;
  let item = product % params.batch;
  if (split >= params.splits) {
    return;
  }
  let aStart = aStartOf(item);
  let bStart = bStartOf(item);

  // The quads of the blocks that this thread brings: neighbours read along what is contiguous.
#if TRANSPOSE_A
  let aRow = local % QUADS;
  let aDepth = local / QUADS;
#else
  let aRow = local / (DEPTH / 4u);
  let aDepth = local % (DEPTH / 4u);
#endif
#if TRANSPOSE_B
  let bColumn = local / (DEPTH / 4u);
  let bDepth = local % (DEPTH / 4u);
#else
  let bColumn = local % QUADS;
  let bDepth = local / QUADS;
#endif
  let aAt = aDepth * 4u * QUADS + aRow;
  let bAt = bDepth * 4u * QUADS + bColumn;
  let row = local / 8u; // in quads, of what it computes
  let column = local % 8u;

  var c00 = mat4x4f();
#if ROWS_8
  var c01 = mat4x4f();
  var c10 = mat4x4f();
  var c11 = mat4x4f();
#endif
#if ROW_SUMS
  var sums0 = vec4f();
#if ROWS_8
  var sums1 = vec4f();
#endif
#endif
  let end = min((split + 1u) * params.span, params.k);
  for (var k = split * params.span; k < end; k += DEPTH) {
    let aK = k + aDepth * 4u;
    let bK = k + bDepth * 4u;
    let aPart = within(transpose(aBlock(aStart, m + aRow * 4u, aK)), aK, end);
    let bPart = within(bBlock(bStart, bK, n + bColumn * 4u, 0u), bK, end);
    workgroupBarrier(); // all are done with the tiles before
    aTile[aAt] = aPart[0];
    aTile[aAt + QUADS] = aPart[1];
    aTile[aAt + 2u * QUADS] = aPart[2];
    aTile[aAt + 3u * QUADS] = aPart[3];
    bTile[bAt] = bPart[0];
    bTile[bAt + QUADS] = bPart[1];
    bTile[bAt + 2u * QUADS] = bPart[2];
    bTile[bAt + 3u * QUADS] = bPart[3];
    workgroupBarrier();
    for (var j = 0u; j < 256u; j += QUADS) {
      let a0 = aTile[j + row];
      let b0 = bTile[j + column];
      c00 += outer(b0, a0);
#if ROW_SUMS
      sums0 += a0;
#endif
#if ROWS_8
      let a1 = aTile[j + 8u + row];
      let b1 = bTile[j + 8u + column];
      c01 += outer(b1, a0);
      c10 += outer(b0, a1);
      c11 += outer(b1, a1);
#if ROW_SUMS
      sums1 += a1;
#endif
#endif
    }
  }

  let cStart = params.cStart + product * params.m * params.cStride;
  let m0 = m + row * 4u;
  let n0 = n + column * 4u;
  storeBlock(cStart, m0, n0, c00);
#if ROWS_8
  storeBlock(cStart, m0, n0 + 32u, c01);
  storeBlock(cStart, m0 + 32u, n0, c10);
  storeBlock(cStart, m0 + 32u, n0 + 32u, c11);
#endif
#if ROW_SUMS
  if (n0 == 0u) {
    storeRowSums(split, m0, sums0);
#if ROWS_8
    storeRowSums(split, m0 + 32u, sums1);
#endif
  }
#endif
}
#else
#if SHALLOW
const COLS = 256u;
#elif COLS_32
const COLS = 32u; // with COLS_16 too, and so below
#elif COLS_16
const COLS = 16u;
#else
const COLS = 8u;
#endif

#if SHALLOW
// Rows k to k + 3 of op(B), zero beyond the end.
fn bRows(start: u32, k: u32, n: u32, lane: u32) -> mat4x4f {
#if TAIL
  return within(bBlock(start, k, n, lane), k, params.k);
#else
  return bBlock(start, k, n, lane);
#endif
}

// Columns k to k + 3 of op(A), zero beyond the end.
fn aColumns(start: u32, m: u32, k: u32) -> Rows {
#if TAIL
  return transpose(within(transpose(aBlock(start, m, k)), k, params.k));
#else
  return aBlock(start, m, k);
#endif
}
#elif TAIL
// For the last columns of op(A) where K is not a multiple of 4, one at a time.
fn aColumn(start: u32, m: u32, k: u32) -> Column {
  let i = start + aIndex(m, k);
#if ROWS_1
  return aElement(i);
#elif TRANSPOSE_A
  return aQuad(i);
#else
  let s = params.aStride;
  return vec4f(aElement(i), aElement(i + s), aElement(i + 2u * s), aElement(i + 3u * s));
#endif
}

fn bRow(start: u32, k: u32, n: u32) -> vec4f {
  let i = start + bIndex(k, n);
#if TRANSPOSE_B
  let s = params.bStride;
  return vec4f(bElement(i), bElement(i + s), bElement(i + 2u * s), bElement(i + 3u * s));
#else
  return bQuad(i);
#endif
}
#endif

#if ROW_SUMS
// The sum of each row.
fn sumsOf(rows: Rows) -> Column {
#if ROWS_1
  return rows.x + rows.y + rows.z + rows.w;
#else
  let columns = transpose(rows);
  return columns[0] + columns[1] + columns[2] + columns[3];
#endif
}
#endif

#if SHARED
@diagnostic(off, subgroup_uniformity)
#endif
@compute @workgroup_size(WORKGROUP)
fn registers(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
#if SUBGROUPS
  @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
) {
  let bands = (params.m + ROWS * BAND - 1u) / (ROWS * BAND);
  let bandThreads = (max(params.n, 1u) + COLS - 1u) / COLS * BAND;
#if SHARED
  // BAND is a multiple of 4, so that it has its columns and its part of the sums in common.
  let lane = inSubgroup % 4u;
  let thread = threadOfQuad(threadIndex(id, groups), inSubgroup);
#else
  let lane = 0u;
  let thread = threadIndex(id, groups);
#endif
  let product = thread / (bands * bandThreads);
  let band = thread % (bands * bandThreads) / bandThreads;
  let inBand = thread % bandThreads;
  let m = (band * BAND + inBand % BAND) * ROWS;
  let n = inBand / BAND * COLS;
  let split = product / params.batch;
  let item = product % params.batch;
#if SHARED
  if (split >= params.splits) {
    return;
  }
#else
  if (split >= params.splits || m >= params.m) {
    return;
  }
#endif
  let aStart = aStartOf(item);
  let bStart = bStartOf(item);

  let cStart = params.cStart + product * params.m * params.cStride;

#if SHALLOW
  // These rows of op(A) stay, while columns of op(B) go by.
  let a0 = aColumns(aStart, m, 0u);
  let a1 = aColumns(aStart, m + 4u, 0u);
#if SHALLOW_8
  let a2 = aColumns(aStart, m, 4u);
  let a3 = aColumns(aStart, m + 4u, 4u);
#endif
  let end = min(n + COLS, params.n);
  for (var j = n; j < end; j += 4u) {
    let b0 = bRows(bStart, 0u, j, lane);
#if SHALLOW_8
    let b1 = bRows(bStart, 4u, j, lane);
    storeBlock(cStart, m, j, b0 * a0 + b1 * a2);
    storeBlock(cStart, m + 4u, j, b0 * a1 + b1 * a3);
#else
    storeBlock(cStart, m, j, b0 * a0);
    storeBlock(cStart, m + 4u, j, b0 * a1);
#endif
  }
#if ROW_SUMS
  if (n == 0u) {
#if SHALLOW_8
    storeRowSums(split, m, sumsOf(a0) + sumsOf(a2));
    storeRowSums(split, m + 4u, sumsOf(a1) + sumsOf(a3));
#else
    storeRowSums(split, m, sumsOf(a0));
    storeRowSums(split, m + 4u, sumsOf(a1));
#endif
  }
#endif
#else
  var c00 = Rows();
  var c01 = Rows();
#if ROWS_8
  var c10 = Rows();
  var c11 = Rows();
#endif
#if COLS_16
  var c02 = Rows();
  var c03 = Rows();
  var c12 = Rows();
  var c13 = Rows();
#endif
#if COLS_32
  var c04 = Rows();
  var c05 = Rows();
  var c06 = Rows();
  var c07 = Rows();
  var c14 = Rows();
  var c15 = Rows();
  var c16 = Rows();
  var c17 = Rows();
#endif
#if ROW_SUMS
  var sums0 = Rows();
  var rest0 = Column();
#if ROWS_8
  var sums1 = Rows();
  var rest1 = Column();
#endif
#endif
  var k = split * params.span;
  let end = min(k + params.span, params.k);
  for (; k + 4u <= end; k += 4u) {
    let a0 = aBlock(aStart, m, k);
    let b0 = bBlock(bStart, k, n, lane);
    let b1 = bBlock(bStart, k, n + 4u, lane);
    c00 += b0 * a0;
    c01 += b1 * a0;
#if ROWS_8
    let a1 = aBlock(aStart, m + 4u, k);
    c10 += b0 * a1;
    c11 += b1 * a1;
#endif
#if COLS_16
    let b2 = bBlock(bStart, k, n + 8u, lane);
    let b3 = bBlock(bStart, k, n + 12u, lane);
    c02 += b2 * a0;
    c03 += b3 * a0;
    c12 += b2 * a1;
    c13 += b3 * a1;
#endif
#if COLS_32
    let b4 = bBlock(bStart, k, n + 16u, lane);
    let b5 = bBlock(bStart, k, n + 20u, lane);
    let b6 = bBlock(bStart, k, n + 24u, lane);
    let b7 = bBlock(bStart, k, n + 28u, lane);
    c04 += b4 * a0;
    c05 += b5 * a0;
    c06 += b6 * a0;
    c07 += b7 * a0;
    c14 += b4 * a1;
    c15 += b5 * a1;
    c16 += b6 * a1;
    c17 += b7 * a1;
#endif
#if ROW_SUMS
    if (n == 0u) {
      sums0 += a0;
#if ROWS_8
      sums1 += a1;
#endif
    }
#endif
  }
#if TAIL
  for (; k < end; k++) {
    let a0 = aColumn(aStart, m, k);
    let b0 = bRow(bStart, k, n);
    let b1 = bRow(bStart, k, n + 4u);
    c00 += outer(b0, a0);
    c01 += outer(b1, a0);
#if ROWS_8
    let a1 = aColumn(aStart, m + 4u, k);
    c10 += outer(b0, a1);
    c11 += outer(b1, a1);
#endif
#if ROW_SUMS
    rest0 += a0;
#if ROWS_8
    rest1 += a1;
#endif
#endif
  }
#endif

#if ROWS_1
  store(cStart, m, n, c00);
  store(cStart, m, n + 4u, c01);
#if ROW_SUMS
  if (n == 0u) {
    storeRowSum(split, m, sumsOf(sums0) + rest0);
  }
#endif
#else
#if COLS_16
  // In a loop, since so many stores would take long to compile.
#if COLS_32
  var blocks = array(
    c00, c01, c02, c03, c04, c05, c06, c07, c10, c11, c12, c13, c14, c15, c16, c17);
#else
  var blocks = array(c00, c01, c02, c03, c10, c11, c12, c13);
#endif
  for (var i = 0u; i < COLS / 2u; i++) {
    storeBlock(cStart, m + i / (COLS / 4u) * 4u, n + i % (COLS / 4u) * 4u, blocks[i]);
  }
#else
  storeBlock(cStart, m, n, c00);
  storeBlock(cStart, m, n + 4u, c01);
#if ROWS_8
  storeBlock(cStart, m + 4u, n, c10);
  storeBlock(cStart, m + 4u, n + 4u, c11);
#endif
#endif
#if ROW_SUMS
  if (n == 0u) {
    storeRowSums(split, m, sumsOf(sums0) + rest0);
#if ROWS_8
    storeRowSums(split, m + 4u, sumsOf(sums1) + rest1);
#endif
  }
#endif
#endif
#endif
}
#endif
