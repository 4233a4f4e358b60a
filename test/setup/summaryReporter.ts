import type { Reporter, SerializedError, TestModule } from 'vitest/node';

const SLOWEST = 5; // files

/**
 * Prints the files that took longest, and `N passed, N failed, N skipped`, counted over all projects,
 * as the last line of the run. A file that failed to load and an error outside any test count as one
 * failure each.
 */
export class SummaryReporter implements Reporter {
  /** Until a run ends there is one failure: that of a run that never did. */
  private counts = { passed: 0, failed: 1, skipped: 0 };
  private slowest = '';

  onInit(): void {
    // Later than everything that vitest prints, the other reporters' summaries included.
    process.once('exit', () => {
      const { passed, failed, skipped } = this.counts;
      if (this.slowest) process.stdout.write(`slowest files: ${this.slowest}\n`);
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that never came to a result did not pass.
        counts[state === 'pending' ? 'failed' : state]++;
      }
    }
    this.counts = counts;
    this.slowest = modules
      .map((module) => ({ module, seconds: secondsOf(module) }))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, SLOWEST)
      .map(({ module: { project, relativeModuleId }, seconds }) => {
        return `${relativeModuleId} (${project.name}) ${seconds.toFixed(1)} s`;
      })
      .join(', ');
  }
}

/** What a file's tests and hooks took, and its imports. */
function secondsOf(module: TestModule): number {
  const { collectDuration, duration, setupDuration } = module.diagnostic();
  return (collectDuration + duration + setupDuration) / 1000;
}
