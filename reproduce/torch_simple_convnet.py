"""One convolution and one hidden layer on MNIST: Adam 0.001, batch 100, 20 epochs."""

import torch
from torch import nn

from common import options
from with_torch import run


def simple_convnet():
    model = nn.Sequential(
        nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4320, 100), nn.ReLU(),
        nn.Linear(100, 10),
    )
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, 0.01)
            nn.init.zeros_(layer.bias)
    return model


run(
    simple_convnet, lambda parameters: torch.optim.Adam(parameters, lr=0.001),
    options(epochs=20, images=60_000, batch_size=100), "mnist", assess_train=True,
)
