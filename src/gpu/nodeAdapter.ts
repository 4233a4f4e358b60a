/**
 * WebGPU in Node: Dawn, from the optional npm package `webgpu`, on the system's GPU, or on a
 * software adapter where there is none.
 */
import { DeviceError } from '../errors.js';
import { importPackage } from './nodePackages.js';
import {
  hasSystemVulkanLoader,
  loadVulkanLoader,
  unpackSwiftShader,
  type SwiftShader,
} from './nodeSoftware.js';
import { isSoftwareAdapter } from './softwareAdapter.js';

export interface NodeGpuOptions {
  /** Which GPU to take where there are two; the system's choice if not given. */
  powerPreference?: GPUPowerPreference;
  /**
   * `auto` takes a GPU where there is one and else a software adapter, `always` a software
   * adapter in any case, `never` a GPU or nothing.
   */
  software: 'auto' | 'always' | 'never';
  /** Offers what Dawn holds for experimental too; SwiftShader has nothing of that. */
  experimental?: boolean;
}

interface Found {
  gpu: GPU;
  adapter: GPUAdapter;
}

/** The adapter that was found, the object it came from, and what the user should know of it. */
export interface NodeAdapter extends Found {
  notes: string[];
}

interface Dawn {
  create(flags: string[]): GPU;
  globals: Record<string, unknown>;
}

/** Without this Dawn rounds timestamps to 65,536 ns, longer than most kernels run. */
const DAWN_FLAGS = ['disable-dawn-features=timestamp_quantization'];
/** The second is for NVIDIA's GPUs, of which Dawn withholds f16, and with it their matrices. */
const EXPERIMENTAL_FLAGS = [
  ...DAWN_FLAGS,
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
];

/** The variables that name the Vulkan drivers: the second is what older loaders read. */
const DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const;

/** What Dawn made stays reachable for the process's life: collecting it crashes the process. */
const created: GPU[] = [];

/** What `create` gave for each set of system drivers and of flags; null where it has no adapter, now or later. */
const systemGpus = new Map<string, GPU | null>();

/** The object that has SwiftShader's adapter, once there is one. */
let swiftShaderGpu: GPU | undefined;

/** Requests run one after the other, since one may change the environment while it runs. */
let lastRequest: Promise<unknown> = Promise.resolve();

/**
 * Finds a WebGPU adapter in Node.
 *
 * On Linux without a GPU and without a software Vulkan driver of its own (or with one that Dawn
 * refuses), SwiftShader from the npm package `@sparticuz/chromium` is unpacked into the user's
 * cache folder (`$XDG_CACHE_HOME/shadegrad`, `~/.cache/shadegrad`, or one under the system's
 * temporary folder) and loaded into the process. Drivers named by `VK_DRIVER_FILES` come first.
 *
 * The WebGPU names that browsers have as globals (`GPUBufferUsage`, `GPUMapMode`, ...) are
 * defined where they are missing.
 *
 * @returns The adapter, the `GPU` object it came from, and, where `auto` came to a software
 *   adapter, a note that says so.
 * @throws {DeviceError} if there is no adapter of the kind asked for; the message lists what was
 *   tried and what would help.
 */
export function requestNodeAdapter(options: NodeGpuOptions): Promise<NodeAdapter> {
  const result = lastRequest.then(() => findAdapter(options));
  lastRequest = result.catch(() => undefined);
  return result;
}

async function findAdapter(options: NodeGpuOptions): Promise<NodeAdapter> {
  const tried: string[] = [];
  const dawn = await loadDawn();
  const found =
    (await trySystem(dawn, options, tried)) ??
    (options.software === 'never' ? undefined : await trySwiftShader(dawn, tried));
  if (!found) throw new DeviceError(failureMessage(options, tried));
  const { info } = found.adapter;
  const fellBack = options.software === 'auto' && isSoftwareAdapter(info);
  const name = info.description || namesOf(info);
  const note = `no hardware GPU found, so ${name} does the work on the CPU. To use a GPU, ${driverFix()}.`;
  return { ...found, notes: fellBack ? [note] : [] };
}

async function loadDawn(): Promise<Dawn> {
  try {
    const dawn = await importPackage<Dawn>('webgpu');
    for (const [name, value] of Object.entries(dawn.globals)) {
      if (!(name in globalThis)) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      }
    }
    return dawn;
  } catch (cause) {
    throw new DeviceError(
      'init: expected WebGPU from the npm package webgpu, got: ' +
        `${messageOf(cause)}. Install it with \`npm install webgpu\``,
      { cause },
    );
  }
}

/** Tries the drivers that the system has, or that VK_DRIVER_FILES names. */
async function trySystem(
  dawn: Dawn,
  { powerPreference, software, experimental }: NodeGpuOptions,
  tried: string[],
): Promise<Found | undefined> {
  // Dawn's only way to a GPU on Linux is Vulkan.
  if (process.platform === 'linux' && !hasSystemVulkanLoader()) {
    tried.push("the system's drivers: there is no Vulkan loader (libvulkan.so.1)");
    return undefined;
  }
  const drivers = systemDrivers();
  const flags = experimental ? EXPERIMENTAL_FLAGS : DAWN_FLAGS;
  const key = `${drivers} ${flags.join(' ')}`;
  const known = systemGpus.get(key);
  const gpu = known === undefined ? createGpu(dawn, flags) : known;
  const adapter = await gpu?.requestAdapter(powerPreference ? { powerPreference } : {});
  systemGpus.set(key, adapter ? gpu : null);
  if (!gpu || !adapter) {
    tried.push(`${drivers}: no adapter`);
    return undefined;
  }
  tried.push(`${drivers}: ${describe(adapter.info)}`);
  const isSoftware = isSoftwareAdapter(adapter.info);
  if (software === 'auto' || isSoftware === (software === 'always')) return { gpu, adapter };
  if (software === 'never') return undefined;

  const fallback = await gpu.requestAdapter({ forceFallbackAdapter: true });
  tried.push(`${drivers}, fallback: ${fallback ? describe(fallback.info) : 'no adapter'}`);
  return fallback ? { gpu, adapter: fallback } : undefined;
}

/** Tries SwiftShader, under the system's Vulkan loader and then under SwiftShader's own. */
async function trySwiftShader(dawn: Dawn, tried: string[]): Promise<Found | undefined> {
  const known = await swiftShaderGpu?.requestAdapter();
  if (swiftShaderGpu && known) return { gpu: swiftShaderGpu, adapter: known };

  let swiftShader: SwiftShader;
  try {
    swiftShader = await unpackSwiftShader();
  } catch (error) {
    tried.push(`SwiftShader: ${messageOf(error)}`);
    return undefined;
  }
  for (const loader of ['system', 'bundled'] as const) {
    if (loader === 'system' && !hasSystemVulkanLoader()) continue;
    try {
      if (loader === 'bundled') loadVulkanLoader(swiftShader);
      const gpu = createGpu(dawn, DAWN_FLAGS);
      const adapter = await withDriver(swiftShader.manifest, () => gpu.requestAdapter());
      if (adapter) {
        tried.push(`SwiftShader: ${describe(adapter.info)}`);
        swiftShaderGpu = gpu;
        return { gpu, adapter };
      }
      tried.push(`SwiftShader: no adapter with the ${loader} Vulkan loader`);
    } catch (error) {
      tried.push(`SwiftShader: ${messageOf(error)}`);
    }
  }
  if (!process.getBuiltinModule('node:worker_threads').isMainThread) {
    tried.push(
      'SwiftShader: a worker thread cannot name a Vulkan driver. Start the process with ' +
        `VK_DRIVER_FILES=${swiftShader.manifest}`,
    );
  }
  return undefined;
}

function createGpu(dawn: Dawn, flags: string[]): GPU {
  const gpu = dawn.create(flags);
  created.push(gpu);
  return gpu;
}

/**
 * Runs `request` with the Vulkan drivers set to `manifest`. The loader reads the variables during
 * the first request alone, so they are put back after it and a later call sees the system's own.
 */
async function withDriver<Result>(
  manifest: string,
  request: () => Promise<Result>,
): Promise<Result> {
  const before = DRIVER_VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of DRIVER_VARIABLES) process.env[name] = manifest;
  try {
    return await request();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

function systemDrivers(): string {
  const set = DRIVER_VARIABLES.find((name) => process.env[name]);
  return set ? `${set}=${process.env[set]}` : "the system's drivers";
}

function describe(info: GPUAdapterInfo): string {
  return `${isSoftwareAdapter(info) ? 'software adapter' : 'GPU'} ${namesOf(info)}`;
}

function namesOf({ vendor, architecture, description }: GPUAdapterInfo): string {
  return [vendor, architecture, description].filter(Boolean).join(', ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failureMessage({ software }: NodeGpuOptions, tried: readonly string[]): string {
  const wanted = { auto: 'a WebGPU adapter', always: 'a software adapter', never: 'a GPU' };
  return [
    `init: expected ${wanted[software]} (software: '${software}'), found none. Tried:`,
    ...tried.map((line) => `  - ${line}`),
    `For a GPU, ${fix(software)}.`,
  ].join('\n');
}

function fix(software: NodeGpuOptions['software']): string {
  const allowSoftware = "allow a software adapter with software: 'auto'";
  if (software === 'never') return `${driverFix()}; or ${allowSoftware}`;
  if (process.platform !== 'linux') return driverFix();
  return `${driverFix()}; for a software adapter on x86-64, \`npm install @sparticuz/chromium\``;
}

/** What makes a GPU that is there usable, after "For a GPU,". */
function driverFix(): string {
  return process.platform === 'linux'
    ? 'install its Vulkan driver and the Vulkan loader (libvulkan1)'
    : 'update its driver';
}
