import { nn, type Tensor } from 'shadegrad';

/** `never` fits every type: the files say what the options are. */
type Options = Record<string, never>;
type Inputs = Record<string, Tensor>;

const F = nn.functional;

/** The library's side of the golden cases: an op of given inputs and options, as golden.py names them. */
export const FUNCTIONS: Record<string, (inputs: Inputs, options: Options) => Tensor | Tensor[]> = {
  avgPool2d: ({ input }, options) => F.avgPool2d(input, options.kernelSize, options),
  conv2d: ({ input, weight, bias }, options) => F.conv2d(input, weight, bias, options),
  maxPool2d: ({ input }, options) => F.maxPool2d(input, options.kernelSize, options),
};
