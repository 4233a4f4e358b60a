/** Ctrl-C and `kill`: a command ends at once, unless it has something to finish first. */

/** Exit code for what went wrong in a run. */
const FAILED = 1;

/** Shows the cursor and wraps lines again, which the progress bar turns off, below the bar. */
const RESTORE_TERMINAL = '\u001b[?25h\u001b[?7h\n';

/** What is done at the first signal instead of ending. */
let finish: ((signal: NodeJS.Signals) => void) | null = null;

/** Ends at once, and clean, on Ctrl-C and `kill`: files that are being written go as for any exit. */
export function stopOnSignals(): void {
  const stop = (signal: NodeJS.Signals): void => {
    if (finish) {
      const first = finish;
      finish = null;
      first(signal);
      return;
    }
    for (const one of SIGNALS) process.removeListener(one, stop);
    if (process.stdout.isTTY) process.stdout.write(RESTORE_TERMINAL);
    process.emit('exit', FAILED);
    // Not process.exit(): taking Dawn down while its threads compile can crash.
    process.kill(process.pid, signal);
  };
  for (const one of SIGNALS) process.on(one, stop);
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs `work`, in which the first signal asks it to end, by `ask`, and the second ends it at once.
 * @returns What `work` gives, and the signal that there was, if any.
 */
export async function finishingOnSignals<T>(
  ask: () => void,
  work: () => Promise<T>,
): Promise<{ result: T; signal: NodeJS.Signals | null }> {
  let got: NodeJS.Signals | null = null;
  finish = (signal) => {
    got = signal;
    console.error('finishing the batch; once more to end at once');
    ask();
  };
  try {
    const result = await work();
    return { result, signal: got };
  } finally {
    finish = null;
  }
}
