/** Names under which the known software renderers report themselves. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|basic render driver/i;

/**
 * Tells whether an adapter computes on the CPU. Dawn leaves `isFallbackAdapter` false for some
 * software drivers, so the adapter's names are looked at too.
 *
 * @param info  `adapter.info`, in Node or in a browser.
 * @returns True for SwiftShader, Mesa's lavapipe (llvmpipe), Windows' WARP and any other
 *   adapter that calls itself a fallback.
 */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    [info.vendor, info.architecture, info.device, info.description].some((name) =>
      SOFTWARE_NAMES.test(name),
    )
  );
}
