import { rand, randint, type nn, type Shape, type Tensor } from 'shadegrad';

/** Images and classes at random for a network, whose input has this shape, batch included. */
export function randomBatch(model: nn.Module, shape: Shape): [x: Tensor, target: Tensor] {
  const classes = model.summary(shape).rows.at(-1)!.outputShape[1]!;
  return [rand(shape), randint(0, classes, [shape[0]!])];
}
