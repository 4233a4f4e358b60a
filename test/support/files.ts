/** What the server of the tests has. */
export const smallFile = (): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: 20_000 }, (_, i) => (i * i) >> 3);

/** Large enough that its half is kept. */
export const largeFile = (): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: 3 * 2 ** 20 }, (_, i) => (i * i) >> 5);
