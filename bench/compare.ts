/** Whether kernels have become slower, by their share of what the adapter does at most. */

/** A kernel's share of the roofline that was measured in the same run. */
export interface Share {
  name: string;
  share: number | null;
}

export interface Loss {
  name: string;
  before: number;
  now: number;
  /** From 0 to 1: what was lost of the share. */
  loss: number;
}

/** A loss over this is one: less is noise. */
export const MOST_LOSS = 0.25;

/** The kernels of both lists whose share has fallen by more than `most` of it, the worst first. */
export function lossesOf(
  before: readonly Share[],
  now: readonly Share[],
  most = MOST_LOSS,
): Loss[] {
  const shares = new Map(before.map(({ name, share }) => [name, share]));
  return now
    .flatMap(({ name, share }) => {
      const then = shares.get(name);
      if (!then) return []; // new, or it was not measured then
      const loss = 1 - (share ?? 0) / then;
      return loss > most ? [{ name, before: then, now: share ?? 0, loss }] : [];
    })
    .sort((a, b) => b.loss - a.loss);
}

/**
 * Measures kernels and compares them with what they did before; those that seem to be slower are
 * measured again, for machines are noisy, and the best of all counts.
 *
 * @param measure  The shares of the kernels with these names, now.
 * @param attempts How often a kernel is measured before it counts as slower.
 */
export async function check(
  before: readonly Share[],
  names: readonly string[],
  measure: (names: readonly string[]) => Promise<readonly Share[]>,
  attempts = 4,
): Promise<{ measured: Share[]; losses: Loss[] }> {
  const best = new Map<string, Share>();
  let losses: Loss[] = [];
  let wanted = names;
  for (let i = 0; i < attempts && wanted.length > 0; i++) {
    for (const share of await measure(wanted)) {
      const known = best.get(share.name);
      if (!known || (share.share ?? 0) > (known.share ?? 0)) best.set(share.name, share);
    }
    losses = lossesOf(before, [...best.values()]);
    wanted = losses.map(({ name }) => name);
  }
  return { measured: [...best.values()], losses };
}
