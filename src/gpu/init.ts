import { DeviceError } from '../errors.js';
import {
  Device,
  openDevice,
  setCurrentDevice,
  type DeviceInfo,
  type DeviceOptions,
  type MemoryInfo,
} from './device.js';
import { loadChoices } from './choiceStorage.js';
import { requestNodeAdapter } from './nodeAdapter.js';
import { isNode } from './runtime.js';
import { isSoftwareAdapter } from './softwareAdapter.js';
import { SUBGROUP_MATRIX, subgroupMatricesOf } from './subgroupMatrix.js';

export interface InitOptions extends DeviceOptions {
  /** A device of your own, from any `GPUAdapter`; nothing is requested then. `close()` destroys it. */
  device?: GPUDevice;
  /** Which GPU, where a machine has two. Default 'high-performance'. */
  powerPreference?: GPUPowerPreference;
  /**
   * 'auto' (default) takes a hardware GPU, or a software adapter with a line that says so;
   * 'always' takes a software adapter; 'never' throws where there is no hardware.
   */
  software?: 'auto' | 'always' | 'never';
  /**
   * Lets Dawn in Node offer features that it holds for experimental, of which matmul can use subgroup
   * matrices (see `device.info.subgroupMatrices` and `tune`), and f16 on NVIDIA's GPUs. Its switches are
   * `allow_unsafe_apis` and `vulkan_enable_f16_on_nvidia`. Default false. A browser decides that
   * itself: Chrome offers subgroup matrices with --enable-unsafe-webgpu.
   */
  experimental?: boolean;
  /** Where that line goes. Default `console.warn`. */
  onNote?: (note: string) => void;
}

/** Features that make kernels faster or measurable; asked for where the adapter has them. */
const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups', SUBGROUP_MATRIX];

/** Limits that kernels can use more of than every adapter must have. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
] as const;

/**
 * Gets a GPU and makes it the device of all tensors that follow.
 *
 * In a browser it is `navigator.gpu`'s; in Node the package `webgpu` (Dawn) provides it, on the
 * system's own driver or, on Linux without one, on SwiftShader from `@sparticuz/chromium`.
 * Called again without options while a device is open, it returns that one, unless it was lost or
 * failed; called with options it opens another, and tensors of the first one stay valid. Calls
 * without options that overlap open one device.
 *
 * @throws DeviceError that lists what was tried and what would fix it.
 */
export async function init(options?: InitOptions): Promise<Device> {
  const open = openDevice();
  if (open?.failed) open.close();
  else if (open && !options) return open;
  if (options) return openNew(options);
  opening ??= openNew({}).finally(() => (opening = null));
  return opening;
}

/** What calls without options wait for, while a device is opened for one of them. */
let opening: Promise<Device> | null = null;

async function openNew(options: InitOptions): Promise<Device> {
  const device = await makeDevice(options);
  setCurrentDevice(device);
  return device;
}

async function makeDevice(options: InitOptions): Promise<Device> {
  if (options.device)
    return new Device(options.device, infoOf(options.device, options.device.adapterInfo), options);
  const software = options.software ?? 'auto';
  const powerPreference = options.powerPreference ?? 'high-performance';
  const { adapter, notes } = isNode()
    ? await requestNodeAdapter({ powerPreference, software, experimental: options.experimental })
    : await requestBrowserAdapter(powerPreference, software);
  const requiredFeatures = WANTED_FEATURES.filter((name) => adapter.features.has(name));
  const requested = adapter.requestDevice({
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const gpu = await requested.catch((cause: unknown) => {
    throw new DeviceError(`init: expected a device from the adapter, got: ${String(cause)}`, {
      cause,
    });
  });
  for (const note of notes) (options.onNote ?? console.warn)(`shadegrad: ${note}`);
  const device = new Device(gpu, infoOf(gpu, adapter.info), options);
  loadChoices(device);
  return device;
}

async function requestBrowserAdapter(
  powerPreference: GPUPowerPreference,
  software: 'auto' | 'always' | 'never',
): Promise<{ adapter: GPUAdapter; notes: string[] }> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) {
    throw new DeviceError(
      'init: expected navigator.gpu, got none: this browser has no WebGPU, or the page is not served over https or from localhost. ' +
        'Use a current Chrome, Edge, Firefox or Safari; Chrome without a GPU needs --enable-unsafe-webgpu.',
    );
  }
  const adapter =
    (await gpu.requestAdapter({ powerPreference, forceFallbackAdapter: software === 'always' })) ??
    (software === 'auto' ? await gpu.requestAdapter({ forceFallbackAdapter: true }) : null);
  const isSoftware = adapter !== null && isSoftwareAdapter(adapter.info);
  if (!adapter || (software === 'never' && isSoftware)) {
    throw new DeviceError(
      `init: expected ${software === 'never' ? 'a hardware adapter' : 'an adapter'}, got ${adapter ? 'a software one' : 'none'} from navigator.gpu (software: '${software}'). ` +
        'Enable hardware acceleration in the browser, update the GPU driver, or see chrome://gpu.',
    );
  }
  const note =
    'no hardware GPU in this browser: a software adapter does the work on the CPU. Enable hardware acceleration in its settings.';
  return { adapter, notes: isSoftware && software === 'auto' ? [note] : [] };
}

function infoOf(gpu: GPUDevice, info: GPUAdapterInfo): DeviceInfo {
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) {
    const value = gpu.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    software: isSoftwareAdapter(info),
    features: [...gpu.features].sort(),
    limits,
    subgroupMatrices: subgroupMatricesOf(gpu, info),
  };
}

/** Waits until the GPU has done everything enqueued so far. @throws what failed meanwhile. */
export async function sync(): Promise<void> {
  await openDevice()?.sync();
}

/** The account of GPU memory of the current device; zeros where there is none. */
export function memory(): MemoryInfo {
  return openDevice()?.memory() ?? { bytesInUse: 0, bytesPooled: 0, bytesPeak: 0, arrays: 0 };
}

/**
 * Has `memory().bytesPeak`, the most bytes that were in use at once, count from now on: what a piece
 * of work takes is the peak after it.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.cuda.reset_peak_memory_stats.html
 *
 * @example
 * sg.resetPeakMemory();
 * const before = sg.memory().bytesInUse;
 * step();
 * console.log(sg.memory().bytesPeak - before);
 */
export function resetPeakMemory(): void {
  openDevice()?.pool.resetPeak();
}

/** Closes the current device: frees all its tensors and lets Node exit. */
export function close(): void {
  openDevice()?.close();
  setCurrentDevice(null);
}
