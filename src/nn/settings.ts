/** How layers write down their settings; see `Module.extraRepr`. */

/** `3x5` of a size given as one number or as both; null, which keeps a size, as `any`. */
export function sizeText(size: number | null | readonly (number | null)[]): string {
  return (Array.isArray(size) ? size : [size, size])
    .map((n: number | null) => n ?? 'any')
    .join('x');
}

/** `stride 2` for each setting that is given and is not what it is by default. */
export function settingsText(
  first: string,
  settings: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  const told = Object.entries(settings)
    .filter(([name, value]) => value !== undefined && value !== defaults[name])
    .map(([name, value]) => `${name} ${Array.isArray(value) ? sizeText(value) : String(value)}`);
  return [first, ...told].filter(Boolean).join(', ');
}
