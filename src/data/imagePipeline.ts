import colorJitterSource from '../../shaders/colorJitter.wgsl';
import gatherSource from '../../shaders/gatherImages.wgsl';
import lightingSource from '../../shaders/lighting.wgsl';
import normals from '../../shaders/normals.wgsl';
import philox from '../../shaders/philox.wgsl';
import rows from '../../shaders/rows.wgsl';
import threads from '../../shaders/threads.wgsl';
import { elementBits } from '../autograd/kernels/element.js';
import { rowLaunch } from '../autograd/kernels/rows.js';
import { ArgumentError } from '../errors.js';
import { isDryRun, type Device } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Draw } from '../random/generator.js';
import { isRandom, type Normalization, type Size, type Transform } from './transform.js';

const DRAW = { seed0: 'u32', seed1: 'u32', offset: 'u32' } as const;

const gatherShader = defineShader({
  name: 'gatherImages',
  source: gatherSource,
  params: {
    count: 'u32',
    channels: 'u32',
    height: 'u32',
    width: 'u32',
    span: 'u32',
    start: 'u32',
    first: 'u32',
    images: 'u32',
    steps: 'u32',
    ...DRAW,
    sourceHeight: 'u32',
    sourceWidth: 'u32',
    top: 'i32',
    left: 'i32',
    boxHeight: 'u32',
    boxWidth: 'u32',
    scaleY: 'f32',
    scaleX: 'f32',
    hole: 'u32',
    holeBlock: 'u32',
  },
  flags: ['BYTES', 'BILINEAR', 'NEAREST'],
  includes: { philox, threads },
});

const jitterShader = defineShader({
  name: 'colorJitter',
  source: colorJitterSource,
  params: {
    count: 'u32',
    channels: 'u32',
    pixels: 'u32',
    span: 'u32',
    block: 'u32',
    ...DRAW,
    brightnessLow: 'f32',
    brightnessHigh: 'f32',
    contrastLow: 'f32',
    contrastHigh: 'f32',
    saturationLow: 'f32',
    saturationHigh: 'f32',
    hueLow: 'f32',
    hueHigh: 'f32',
  },
  flags: ['WIDE'],
  includes: { philox, rows, threads },
});

const lightingShader = defineShader({
  name: 'lighting',
  source: lightingSource,
  params: { count: 'u32', pixels: 'u32', span: 'u32', block: 'u32', ...DRAW, deviation: 'f32' },
  includes: { normals, philox, threads },
});

/** Pixels of a thread: a software adapter wants few threads with much to do each. */
const SPAN = {
  software: { row: Infinity, image: 4096 },
  hardware: { row: 4, image: 16 },
};

/** Kinds of steps in shaders/gatherImages.wgsl. */
const KINDS = { crop: 1, randomHorizontalFlip: 2, randomVerticalFlip: 3 } as const;
const STEP_WORDS = 8;

type ImageShape = readonly [channels: number, height: number, width: number];
type Of<K extends Transform['kind']> = Extract<Transform, { kind: K }>;

/** One launch of gatherImages: images resized, then cropped and flipped, then with a hole. */
interface GatherStage {
  kind: 'gather';
  source: readonly [height: number, width: number];
  size: readonly [height: number, width: number];
  /** The box that is filled, in the image that is cropped and flipped. */
  box: { top: number; left: number; height: number; width: number };
  mode: 'bilinear' | 'nearest' | null;
  /** The words of each step. */
  steps: number[];
  hole: { size: number; block: number; fill: number | readonly number[] } | null;
}

/** One change of colours, by the kernels of their own. */
interface ColorStage {
  kind: 'color';
  size: readonly [height: number, width: number];
  transform: Of<'colorJitter'> | Of<'lighting'>;
  block: number;
}

type Stage = GatherStage | ColorStage;

/** Where a batch of bytes comes from: a piece of a data set. */
export interface BytesBatch {
  pixels: GpuArray;
  first: number;
  images: number;
  order: GpuArray;
  start: number;
  labels: GpuArray;
  /** The labels of the batch, which are written too. */
  y: GpuArray;
}

type Draws = (() => Draw) | undefined;

/**
 * The launches that a list of transforms takes: one for what is gathered, and more after a change of
 * colours or before a second resize. The last one normalises.
 */
export class ImagePipeline {
  /** Of one image at the end. */
  readonly shape: ImageShape;
  readonly normalization: Normalization;
  /** Whether it draws random numbers. */
  readonly random: boolean;
  private readonly stages: Stage[];
  private uploaded: { device: Device; arrays: GpuArray[][] } | null = null;

  /**
   * @param op    For messages.
   * @param from  What it starts with: bytes of a data set, or floats from 0 to 1.
   * @throws ArgumentError for a transform that the images are not for, or a normalization before the
   *         end of the list, beside another or of other channels.
   */
  constructor(
    readonly op: string,
    readonly imageShape: ImageShape,
    private readonly from: 'bytes' | 'floats',
    transforms: readonly Transform[],
    normalization?: Normalization,
  ) {
    const [channels, height, width] = imageShape;
    const last = transforms.at(-1);
    const normal = last?.kind === 'normalize' ? last.normalization : undefined;
    const rest = transforms.filter((transform) => transform.kind !== 'normalize');
    if (rest.length + Number(normal !== undefined) !== transforms.length) {
      const kinds = transforms.map(({ kind }) => kind).join(', ');
      throw new ArgumentError(op, 'normalize as the last of the transforms', kinds);
    }
    if (normal && normalization)
      throw new ArgumentError(op, 'normalization or the transform normalize', 'both');
    this.normalization = normalization ??
      normal ?? {
        mean: Array<number>(channels).fill(0),
        std: Array<number>(channels).fill(1),
      };
    const { mean, std } = this.normalization;
    if (mean.length !== channels || std.length !== channels || std.some((value) => !(value > 0))) {
      throw new ArgumentError(
        op,
        `a mean and a std above 0 for each of ${channels} channels`,
        `mean [${mean.join(', ')}], std [${std.join(', ')}]`,
      );
    }
    this.stages = [unchanged([height, width])];
    rest.forEach((transform, i) => this.add(transform, i));
    // Floats need no launch that only copies them.
    if (from === 'floats' && this.stages.length > 1 && isEmpty(this.stages[0]!))
      this.stages.shift();
    this.shape = [channels, ...this.stages.at(-1)!.size];
    this.random = rest.some(isRandom);
  }

  /** Adds a transform to the last stage, or a stage. @param block  Of the stream, for its draws. */
  private add(transform: Exclude<Transform, Of<'normalize'>>, block: number): void {
    const { size } = this.stages.at(-1)!;
    switch (transform.kind) {
      case 'resize':
        this.resize(resized(size, transform.size), transform.mode);
        return;
      case 'resizeWithPad':
        this.resizeWithPad(pair(transform.size), transform.mode);
        return;
      case 'centerCrop': {
        const to = pair(transform.size);
        const [top, left] = [middle(size[0], to[0]), middle(size[1], to[1])];
        this.crop(to, block, [top, 1, left, 1]);
        return;
      }
      case 'randomCrop': {
        const { padding } = transform;
        const to = transform.size === undefined ? size : pair(transform.size);
        const [tops, lefts] = [0, 1].map((axis) => 2 * padding + size[axis]! - to[axis]! + 1);
        if (tops! < 1 || lefts! < 1) {
          const expected = `images that a piece of ${to.join(' x ')} can be cut from`;
          const got = `${size.join(' x ')} with a padding of ${padding}`;
          throw new ArgumentError(this.op, `${expected} (randomCrop)`, got);
        }
        this.crop(to, block, [-padding, tops!, -padding, lefts!]);
        return;
      }
      case 'randomHorizontalFlip':
      case 'randomVerticalFlip': {
        const stage = this.gatherStage();
        stage.steps.push(
          KINDS[transform.kind],
          block,
          ...size,
          0,
          elementBits(transform.p, 'f32'),
          0,
          0,
        );
        return;
      }
      case 'cutout': {
        const { fill } = transform;
        if (typeof fill !== 'number' && fill.length !== this.imageShape[0])
          throw new ArgumentError(
            this.op,
            `a fill for each of ${this.imageShape[0]} channels`,
            fill,
          );
        this.gatherStage().hole = { size: transform.size, block, fill };
        return;
      }
      case 'colorJitter':
      case 'lighting': {
        const wanted = transform.kind === 'lighting' ? [3] : [1, 3];
        if (!wanted.includes(this.imageShape[0])) {
          const expected = `images of ${wanted.join(' or ')} channels (${transform.kind})`;
          throw new ArgumentError(this.op, expected, this.imageShape[0]);
        }
        this.stages.push({ kind: 'color', size, transform, block });
      }
    }
  }

  /** The last stage, if it may take another step, or a new one. */
  private gatherStage(beforeSteps = false): GatherStage {
    const last = this.stages.at(-1)!;
    const fits = last.kind === 'gather' && !last.hole;
    if (fits && !(beforeSteps && (last.mode !== null || last.steps.length > 0))) return last;
    const stage = unchanged(last.size);
    this.stages.push(stage);
    return stage;
  }

  private crop(size: GatherStage['size'], block: number, begins: number[]): void {
    const stage = this.gatherStage();
    stage.steps.push(KINDS.crop, block, ...stage.size, ...begins);
    stage.size = size;
  }

  private resize(size: GatherStage['size'], mode: GatherStage['mode']): void {
    const stage = this.gatherStage(true);
    stage.mode = mode;
    stage.size = size;
    stage.box = { top: 0, left: 0, height: size[0], width: size[1] };
  }

  private resizeWithPad([height, width]: GatherStage['size'], mode: GatherStage['mode']): void {
    const stage = this.gatherStage(true);
    const [down, across] = stage.source;
    // The product first: the side that fills the size must be exactly that long.
    const byHeight = down * width >= across * height;
    const inHeight = byHeight ? height : (down * width) / across;
    const inWidth = byHeight ? (across * height) / down : width;
    stage.mode = mode;
    stage.size = [height, width];
    stage.box = {
      top: Math.max(0, Math.floor((height - inHeight) / 2)),
      left: Math.max(0, Math.floor((width - inWidth) / 2)),
      height: Math.max(1, Math.floor(inHeight)),
      width: Math.max(1, Math.floor(inWidth)),
    };
  }

  /**
   * The images (count, C, H, W) of f32 at the end.
   *
   * @param x     The batch of floats, or the pieces of a data set that the batch is from.
   * @param draw  The place in the random stream, if it draws.
   */
  run(device: Device, x: GpuArray | readonly BytesBatch[], count: number, draw: Draws): GpuArray {
    const arrays = this.upload(device);
    let current: GpuArray | null = null;
    this.stages.forEach((stage, s) => {
      const y = GpuArray.empty([count, this.imageShape[0], ...stage.size], 'f32', device);
      if (stage.kind === 'gather') {
        const batches = current ? [current] : x instanceof GpuArray ? [x] : x;
        for (const batch of batches) gather(stage, batch, arrays[s]!, y, draw);
      } else {
        const input = current ?? (x as GpuArray);
        if (stage.transform.kind === 'lighting')
          light(stage.transform, stage.block, input, arrays[s]!, y, draw);
        else jitter(stage.transform, stage.block, input, arrays[s]!, y, draw);
      }
      current?.release();
      current = y;
    });
    return current!;
  }

  dispose(): void {
    for (const array of this.uploaded?.arrays.flat() ?? []) array.release();
    this.uploaded = null;
  }

  /** What each stage reads beside the images: by channel, and the steps. */
  private upload(device: Device): GpuArray[][] {
    if (this.uploaded?.device === device) return this.uploaded.arrays;
    const arrays = this.stages.map((stage, s) => {
      const channels = this.channelsOf(stage, s);
      const width = channels.length / this.imageShape[0];
      const perChannel = GpuArray.from(channels, [this.imageShape[0], width], device);
      if (stage.kind === 'color') return [perChannel];
      const steps = Uint32Array.from(
        stage.steps.length > 0 ? stage.steps : Array<number>(STEP_WORDS).fill(0),
      );
      return [perChannel, GpuArray.from(steps, [steps.length / STEP_WORDS, STEP_WORDS], device)];
    });
    if (isDryRun()) return arrays; // without memory, so nothing to keep
    this.dispose();
    this.uploaded = { device, arrays };
    return arrays;
  }

  /** For each channel scale, shift and what a hole has; then, for lighting, its components. */
  private channelsOf(stage: Stage, s: number): Float32Array {
    const { mean, std } = this.normalization;
    const isLast = s === this.stages.length - 1;
    const unit = s === 0 && this.from === 'bytes' ? 255 : 1;
    return Float32Array.from(
      mean.flatMap((m, c) => {
        const deviation = isLast ? std[c]! : 1;
        const shift = isLast ? -m / deviation : 0;
        const scaleShift = [1 / (unit * deviation), shift];
        if (stage.kind === 'gather') {
          const fill = stage.hole?.fill ?? 0;
          return [...scaleShift, at(fill, c) / deviation + shift, 0];
        }
        if (stage.transform.kind === 'colorJitter') return [...scaleShift, 0, 0];
        const { eigenvalues, eigenvectors } = stage.transform;
        const components = eigenvalues.map((value, i) => value * eigenvectors[c]![i]!);
        return [...scaleShift, 0, 0, ...components, 0];
      }),
    );
  }
}

function gather(
  { source, size, box, mode, steps, hole }: GatherStage,
  batch: GpuArray | BytesBatch,
  [channels, stepsArray]: GpuArray[],
  x: GpuArray,
  draw: Draws,
): void {
  const [count, planes] = x.shape as [number, number];
  const [height, width] = size;
  const bytes = batch instanceof GpuArray ? null : batch;
  const span = Math.min(spans(x.device).row, width);
  launch(gatherShader, 'gather', {
    inputs: [
      bytes?.pixels ?? (batch as GpuArray),
      ...[channels!, stepsArray!],
      ...(bytes ? [bytes.order, bytes.labels] : []),
    ],
    outputs: bytes ? [x, bytes.y] : [x],
    flags: { BYTES: bytes !== null, BILINEAR: mode === 'bilinear', NEAREST: mode === 'nearest' },
    params: {
      ...{ count, channels: planes, height, width, span },
      ...{ start: bytes?.start ?? 0, first: bytes?.first ?? 0, images: bytes?.images ?? count },
      ...{ steps: steps.length / STEP_WORDS, ...drawn(draw) },
      ...{ sourceHeight: source[0], sourceWidth: source[1] },
      ...{ top: box.top, left: box.left, boxHeight: box.height, boxWidth: box.width },
      ...{ scaleY: source[0] / box.height, scaleX: source[1] / box.width },
      ...{ hole: hole?.size ?? 0, holeBlock: hole?.block ?? 0 },
    },
    threads: count * planes * height * Math.ceil(width / span),
  });
}

function jitter(
  { ranges }: Of<'colorJitter'>,
  block: number,
  x: GpuArray,
  [channels]: GpuArray[],
  y: GpuArray,
  draw: Draws,
): void {
  const [count, planes, height, width] = x.shape as [number, number, number, number];
  const { device } = x;
  const pixels = height * width;
  const span = spans(device).image;
  const { brightness, contrast, saturation, hue } = ranges;
  const params = {
    ...{ count, channels: planes, pixels, span, block, ...drawn(draw) },
    ...{ brightnessLow: brightness[0], brightnessHigh: brightness[1] },
    ...{ contrastLow: contrast[0], contrastHigh: contrast[1] },
    ...{ saturationLow: saturation[0], saturationHigh: saturation[1] },
    ...{ hueLow: hue[0], hueHigh: hue[1] },
  };
  const averages = GpuArray.empty([count], 'f32', device);
  if (contrast.some((factor) => factor !== 1)) {
    const { wide, constants, threads } = rowLaunch(device, count, pixels);
    launch(jitterShader, 'average', {
      inputs: [x],
      outputs: [averages],
      params,
      flags: { WIDE: wide },
      constants,
      threads,
    });
  }
  launch(jitterShader, 'apply', {
    inputs: [x, averages, channels!],
    outputs: [y],
    params,
    threads: count * Math.ceil(pixels / span),
  });
  averages.release();
}

function light(
  { std }: Of<'lighting'>,
  block: number,
  x: GpuArray,
  [channels]: GpuArray[],
  y: GpuArray,
  draw: Draws,
): void {
  const [count, , height, width] = x.shape as [number, number, number, number];
  const pixels = height * width;
  const span = spans(x.device).image;
  launch(lightingShader, 'apply', {
    inputs: [x, channels!],
    outputs: [y],
    params: { count, pixels, span, block, ...drawn(draw), deviation: std },
    threads: count * Math.ceil(pixels / span),
  });
}

function spans({ info }: Device): { row: number; image: number } {
  return SPAN[info.software ? 'software' : 'hardware'];
}

/** Uniforms that have the draw of each replay. */
function drawn(draw: Draws): Record<keyof Draw, () => number> {
  return {
    seed0: () => draw?.().seed0 ?? 0,
    seed1: () => draw?.().seed1 ?? 0,
    offset: () => draw?.().offset ?? 0,
  };
}

function unchanged(size: GatherStage['size']): GatherStage {
  const box = { top: 0, left: 0, height: size[0], width: size[1] };
  return { kind: 'gather', source: size, size, box, mode: null, steps: [], hole: null };
}

function isEmpty(stage: Stage): boolean {
  return stage.kind === 'gather' && !stage.mode && stage.steps.length === 0 && !stage.hole;
}

const pair = (size: Size): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size;

const at = (value: number | readonly number[], i: number): number =>
  typeof value === 'number' ? value : value[i]!;

/** The size that `resize` gives: a single number is for the shorter side. */
function resized([height, width]: readonly [number, number], to: Size): readonly [number, number] {
  if (typeof to !== 'number') return to;
  return height <= width
    ? [to, Math.floor((to * width) / height)]
    : [Math.floor((to * height) / width), to];
}

/** Where the middle begins: halves are rounded to even, as torchvision does; negative outside. */
function middle(from: number, to: number): number {
  if (to > from) return -Math.floor((to - from) / 2);
  const half = Math.floor((from - to) / 2);
  return (from - to) % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}
