"""AlexNet on MNIST resized to 227 x 227: SGD 0.01, batch 128, 3 epochs."""

import torch
from torch import nn
from torch.nn import functional as F

from common import options
from with_torch import run


def alexnet():
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 10),
    )


def resized(x):
    # Digits are square, so there is nothing to pad.
    return F.interpolate(x, size=(227, 227), mode="bilinear", align_corners=False)


run(
    alexnet, lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    options(epochs=3, images=60_000, batch_size=128), "mnist", prepare=resized,
)
