"""AlexNet's logits, and sums along the way, from weights that a hash of their place gives.

The architecture is that of "One weird trick for parallelizing convolutional neural networks"
(Krizhevsky, 2014), as torchvision has it.
"""

import numpy as np
import torch
from torch import nn

from golden import stored, write


def features() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.AdaptiveAvgPool2d(6),
    )


def classifier() -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )


def hashed(number: int, shape: list[int], scale: float) -> torch.Tensor:
    """Uniform in [-scale, scale), of (number, index); as `hashed` in alexnet.test.ts."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = index * np.uint32(0x9E3779B1) + np.uint32(number) * np.uint32(0x85EBCA77)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        h = (h ^ (h >> np.uint32(12))) * np.uint32(0x297A2D39)
        h = h ^ (h >> np.uint32(15))
    unit = h.astype(np.float64) / 2**31 - 1
    return torch.from_numpy((unit * scale).astype(np.float32).reshape(shape)).double()


def main() -> None:
    model = nn.ModuleDict({"features": features(), "classifier": classifier()})
    model = model.double().eval()
    for number, p in enumerate(model.parameters()):
        fan_in = p[0].numel()
        # As He et al. have it, so that values stay of one size; biases are small.
        scale = np.sqrt(6 / fan_in) if p.ndim > 1 else 0.1
        p.data = hashed(number, list(p.shape), scale)
    x = hashed(99, [1, 3, 224, 224], 1.0)
    sums = []
    with torch.no_grad():
        for layer in [*model["features"], *model["classifier"]]:
            x = layer(x.flatten(1) if layer is model["classifier"][0] else x)
            sums.append([x.sum(), x.abs().sum()])
    write("alexnet", {"logits": stored(x), "sums": stored(torch.tensor(sums))}, {})
