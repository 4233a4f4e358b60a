/** `--augment`: a list of names, each alone or with a number, such as `flip,crop:4`. */
import { InvalidArgumentError } from 'commander';
import { data } from 'shadegrad';

const { transforms } = data;

/** By name: what it does with its one number, and that number where there is none. */
const AUGMENTATIONS: Readonly<
  Record<string, { make: (value: number) => data.Transform; usual: number }>
> = {
  flip: { make: (p) => transforms.randomHorizontalFlip({ p }), usual: 0.5 },
  vflip: { make: (p) => transforms.randomVerticalFlip({ p }), usual: 0.5 },
  crop: { make: (padding) => transforms.randomCrop({ padding }), usual: 4 },
  jitter: {
    make: (by) => transforms.colorJitter({ brightness: by, contrast: by, saturation: by }),
    usual: 0.2,
  },
  lighting: { make: (std) => transforms.lighting({ std }), usual: 0.1 },
  cutout: { make: (size) => transforms.cutout(size), usual: 8 },
};

export const AUGMENTATION_NAMES: readonly string[] = Object.keys(AUGMENTATIONS);

/** Parses `--augment`. @returns the text, which is checked. */
export function parseAugment(text: string): string {
  makeAugment(text);
  return text;
}

/** The transforms that a text such as `flip,crop:4` stands for. */
export function makeAugment(text: string): data.Transform[] {
  return text.split(',').map((item) => {
    const [name = '', number] = item.split(/:(.*)/s);
    const kind = Object.hasOwn(AUGMENTATIONS, name) ? AUGMENTATIONS[name]! : undefined;
    const value = number === undefined ? kind?.usual : Number(number);
    if (!kind || value === undefined || number === '' || !Number.isFinite(value)) {
      const names = AUGMENTATION_NAMES.join(', ');
      throw new InvalidArgumentError(`Expected a list of ${names}, each alone or with :number.`);
    }
    try {
      return kind.make(value);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  });
}
