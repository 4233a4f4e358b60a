import fs from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeSafetensors } from '../../src/data/safetensors.js';
import { errorOf } from '../support/builtPackage.js';
import { QuickProject } from '../support/commandLine.js';
import { writeTinyMnist } from '../support/tinyMnist.js';

/** Metadata as `shadegrad train` writes it. */
const METADATA = {
  model: 'lenet5',
  options: '{}',
  data: 'mnist',
  normalization: '{"mean":[0.1307],"std":[0.3081]}',
};
const WEIGHT = { bias: { dtype: 'f32' as const, shape: [2], data: new Float32Array(2) } };

let project: QuickProject;
beforeAll(() => {
  project = new QuickProject({ gpu: true });
  project.write('model.safetensors', encodeSafetensors(WEIGHT, METADATA));
  project.write('plain.safetensors', encodeSafetensors(WEIGHT));
});
afterAll(() => {
  project.remove();
});
beforeEach(() => {
  for (const name of ['tiny', 'out']) {
    fs.rmSync(project.path(name), { recursive: true, force: true });
  }
  writeTinyMnist(project.path('tiny'), 40, 20);
});

const TRAIN = ['train', 'lenet5', '--root', 'tiny', '--validation', '8', '--out', 'out'];

/** Expects code 1, an error in two lines at most, no results, and with --debug a stack as well. */
async function expectFailure(args: string[], type: string, message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await project.shadegrad(...args);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  const error = errorOf(stderr);
  expect(error).toMatch(/^error: /);
  expect(error).toMatch(message);
  expect(error.split('\n').length).toBeLessThanOrEqual(2);
  expect(error).not.toMatch(/^ +at /m);
  expect(project.files('out')).toEqual([]);

  const debugged = await project.shadegrad(...args, '--debug');
  expect(debugged.code).toBe(1);
  expect(debugged.stderr).toMatch(new RegExp(`^${type}: [^]*\n +at `, 'm'));
  expect(project.files('out')).toEqual([]);
}

describe('a damaged data set', () => {
  test('with a truncated image file', async () => {
    fs.truncateSync(project.path('tiny/train-images-idx3-ubyte'), 20_000);
    await expectFailure(
      TRAIN,
      'DataFormatError',
      /train-images-idx3-ubyte at byte 20000: expected 31360 bytes .* got 19984/,
    );
  });

  test('with a label file of another length', async () => {
    fs.copyFileSync(
      project.path('tiny/t10k-labels-idx1-ubyte'),
      project.path('tiny/train-labels-idx1-ubyte'),
    );
    await expectFailure(
      TRAIN,
      'DataFormatError',
      /train-images-idx3-ubyte at byte 4: .* 40 images, got 20 labels in .*train-labels-idx1-ubyte/,
    );
  });

  test('with a missing file', async () => {
    fs.rmSync(project.path('tiny/t10k-labels-idx1-ubyte'));
    await expectFailure(
      TRAIN,
      'ResourceError',
      /^error: MNIST: no t10k-labels-idx1-ubyte in tiny\.\nThe files .* must be there/,
    );
  });

  test('that is not there at all', async () => {
    const args = ['train', 'lenet5', '--root', 'nowhere', '--out', 'out'];
    await expectFailure(args, 'ResourceError', /no train-images-idx3-ubyte in nowhere/);
  });

  test('is refused by evaluate too', async () => {
    fs.truncateSync(project.path('tiny/t10k-images-idx3-ubyte'), 10);
    await expectFailure(
      ['evaluate', 'model.safetensors', '--root', 'tiny'],
      'DataFormatError',
      /t10k-images-idx3-ubyte at byte 10: expected a header of 16 bytes/,
    );
  });
});

describe('a model file', () => {
  const evaluate = (file: string) => ['evaluate', file, '--root', 'tiny'];

  test('that is not there', async () => {
    const message = /cannot read .*none: no such file/;
    await expectFailure(evaluate('none'), 'ResourceError', message);
    const { code, stdout, stderr } = await project.shadegradAlone(...evaluate('none'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: cannot read .*none: no such file.*\n$/);
  });

  test('with a header that says more than the file has', async () => {
    const bytes = encodeSafetensors(WEIGHT, METADATA);
    project.write('cut.safetensors', bytes.subarray(0, bytes.length - 3));
    await expectFailure(
      evaluate('cut.safetensors'),
      'DataFormatError',
      /cut\.safetensors at byte \d+: tensor 'bias': expected data_offsets .* within the 5 bytes/,
    );
  });

  test('with a header longer than itself', async () => {
    const bytes = encodeSafetensors(WEIGHT, METADATA);
    new DataView(bytes.buffer).setBigUint64(0, 5000n, true);
    project.write('long.safetensors', bytes);
    await expectFailure(
      ['predict', 'long.safetensors', 'digit.png'],
      'DataFormatError',
      /long\.safetensors at byte 0: .* got a header length of 5000/,
    );
  });

  test('without the metadata of shadegrad, which says what to do', async () => {
    await expectFailure(
      evaluate('plain.safetensors'),
      'DataFormatError',
      /plain\.safetensors: expected metadata with model, .* got none\. .*loadStateDict/,
    );
  });

  test.each([
    ['an unknown network', { ...METADATA, model: 'lenet9' }],
    ['options that are no object', { ...METADATA, options: 'null' }],
    ['a normalization without numbers', { ...METADATA, normalization: '{"mean":[],"std":["x"]}' }],
  ])('with %s in the metadata', async (_, metadata) => {
    project.write('odd.safetensors', encodeSafetensors(WEIGHT, metadata));
    const message = /odd\.safetensors: expected metadata with model, options and normalization/;
    await expectFailure(evaluate('odd.safetensors'), 'DataFormatError', message);
  });

  test('with the weights of another network', async () => {
    await expectFailure(
      evaluate('model.safetensors'),
      'ArgumentError',
      /loadStateDict: expected the keys and shapes of LeNet5, got missing features\.0\.weight/,
    );
  });
});

describe('an image', () => {
  const predict = (image: string) => ['predict', 'model.safetensors', image];

  test('that is not there', async () => {
    await expectFailure(predict('no.png'), 'ResourceError', /cannot read .*no\.png: no such file/);
  });

  test('that is neither PNG nor JPEG', async () => {
    project.write('photo.png', new Uint8Array([0x47, 0x49, 0x46, 0x38]));
    await expectFailure(
      predict('photo.png'),
      'DataFormatError',
      /photo\.png at byte 0: expected a PNG or JPEG file, got a GIF file\. Convert it to PNG or JPEG\./,
    );
  });
});

describe('arguments', () => {
  test('an unknown network', async () => {
    await expectFailure(['train', 'lenet6'], 'ArgumentError', /expected .*lenet5.*, got 'lenet6'/);
  });

  test('more images to validate on than there are', async () => {
    await expectFailure(
      ['train', 'lenet5', '--root', 'tiny', '--validation', '40', '--out', 'out'],
      'ArgumentError',
      /train: expected --validation under 40, the number of training images, got 40/,
    );
  });

  test.each([
    [
      '--momentum',
      [...TRAIN, '--momentum', '0.5'],
      /expected --momentum with --optimizer sgd alone/,
    ],
    ['--min-delta', [...TRAIN, '--min-delta', '0.1'], /--min-delta with --early-stopping alone/],
    [
      '--center',
      ['predict', 'photos.safetensors', 'no.png', '--center'],
      /expected --center for a network that learnt mnist or fashion-mnist, got one that learnt cifar10/,
    ],
  ])('%s where it would change nothing', async (_, args, message) => {
    const photos = { ...METADATA, options: '{"inputSize":32,"inChannels":3}', data: 'cifar10' };
    project.write('photos.safetensors', encodeSafetensors(WEIGHT, photos));
    await expectFailure(args, 'ArgumentError', message);
  });

  test('a network for more classes than the data has', async () => {
    const settings = { model: 'lenet5', root: 'tiny', options: { numClasses: 12 } };
    project.write('more.json', JSON.stringify(settings));
    await expectFailure(
      ['train', '--config', 'more.json', '--out', 'out'],
      'ArgumentError',
      /train: expected numClasses of 10, as the data has, got 12\. Leave it out\./,
    );
  });

  test('a folder for the results that is a file, or below one', async () => {
    project.write('file', 'content');
    for (const out of ['file', 'file/below']) {
      await expectFailure(
        [...TRAIN, '--out', out],
        'ResourceError',
        /train: expected a folder that can be written to, got file.* Choose another with --out\./,
      );
    }
    expect(project.read('file')).toBe('content');
  });
});
