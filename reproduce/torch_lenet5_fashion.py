"""LeNet-5 on Fashion-MNIST: Adam 1e-3, batch 256."""

import torch
from torch import nn

from common import options
from with_torch import run


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10),
    )


run(
    lenet5, lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    options(epochs=60, images=60_000, batch_size=256), "fashion-mnist",
)
