/** Large numbers as summaries and figures write them. */

/** 714682664 as `714.68 M`; what is under a million as it is, with commas. */
export function formatPrefixed(n: number): string {
  if (n < 1e6) return n.toLocaleString('en-US');
  return n < 1e9 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e9).toFixed(2)} G`;
}

/** Bytes as `3.14 kB` or `3.95 MB`, of 10^6 bytes, as torchinfo prints them. */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(2)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
