import { nn } from 'shadegrad';

/** As `network` in interchange.py. */
export function interchangeNetwork(): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(1, 4, 5, { stride: 2 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(144, 10),
  );
}
