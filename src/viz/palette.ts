/** The colours, fonts and number formats that all figures share. */

/** Series colours of Okabe and Ito (2008), told apart with any colour vision; black text on white. */
export const SERIES_COLORS = [
  '#0072b2', // blue
  '#d55e00', // vermilion
  '#009e73', // bluish green
  '#cc79a7', // reddish purple
  '#e69f00', // orange
  '#56b4e9', // sky blue
  '#000000',
] as const;

export const RIGHT = '#117a43';
export const WRONG = '#c62828';

export const INK = '#1f2933';
export const QUIET_INK = '#52606d';
export const GRID_LINE = '#e4e7eb';

/** No quotes in it, so that it fits into any attribute. */
export const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif';

export type Rgb = readonly [number, number, number];

/** `from` at t = 0, `to` at t = 1, linear between; t outside is clamped. Channels 0 to 255. */
export function mix(from: Rgb, to: Rgb, t: number): Rgb {
  const at = Math.min(1, Math.max(0, t));
  const channel = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * at);
  return [channel(0), channel(1), channel(2)];
}

export function cssColor([r, g, b]: Rgb): string {
  return `rgb(${r},${g},${b})`;
}

export const WHITE: Rgb = [255, 255, 255];
const BLUE: Rgb = [5, 76, 140];
const ORANGE: Rgb = [178, 74, 0];

/** White at 0 to dark blue at 1. */
export const blues = (t: number): Rgb => mix(WHITE, BLUE, t);

/** White at 0 to dark orange at 1. */
export const oranges = (t: number): Rgb => mix(WHITE, ORANGE, t);

/** Orange at -1, white at 0, blue at 1. */
export const diverging = (t: number): Rgb => (t < 0 ? oranges(-t) : blues(t));

/** Black at 0, white at 1. */
export const grey = (t: number): Rgb => mix([0, 0, 0], WHITE, t);

/** Black or white, whichever reads better on `background` (relative luminance of WCAG 2). */
export function inkOn(background: Rgb): string {
  const [r, g, b] = background.map((v) => {
    const s = v / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.32 ? INK : '#ffffff';
}

/** 12345678 as `12,345,678`: the same in every locale. */
export function formatCount(n: number): string {
  const [whole, fraction] = String(n).split('.') as [string, string?];
  if (!/^-?\d+$/.test(whole)) return String(n);
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction ? `.${fraction}` : '');
}

/** 0.98765 as `98.77 %`; a fraction that is no finite number as `n/a`. */
export function formatPercent(fraction: number, digits = 2): string {
  return Number.isFinite(fraction) ? `${(fraction * 100).toFixed(digits)} %` : 'n/a';
}

/** At most `digits` significant digits, without trailing zeros: 0.04312, 1.5, 2e-7. */
export function formatNumber(x: number, digits = 4): string {
  return Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : String(x);
}

/** Seconds as `4.2 s`, `3 min 05 s` or `2 h 07 min`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return String(seconds);
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  const minutes = Math.round(s / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
