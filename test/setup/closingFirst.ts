import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that close the device that others share. */
const CLOSING = ['test/gpu/init.test.ts', 'test/examples/examples.test.ts'];

const isClosing = ({ moduleId }: TestSpecification): boolean =>
  CLOSING.some((file) => moduleId.endsWith(file));

/** Runs these before others have compiled pipelines for the device, which would be compiled again. */
export class ClosingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isClosing), ...sorted.filter((file) => !isClosing(file))];
  }
}
