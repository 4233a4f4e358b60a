"""Twenty steps of each optimizer: parameters after every one, from given gradients."""

import json

import numpy as np
import torch

from golden import camel, rounded, stored, write

STEPS = 20
SHAPES = [(3, 5), (7,)]

# The optimizer, the options of all parameters, and those of the second one alone.
RUNS = [
    ("SGD", {"lr": 0.1}, {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}, {}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}, {}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}, {}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}, {}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "maximize": True}, {}),
    (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        {"lr": 0.2, "weight_decay": 0},
    ),
    ("Adam", {}, {}),
    ("Adam", {"lr": 0.05}, {}),
    ("Adam", {"lr": 0.05, "betas": [0.7, 0.9], "eps": 1e-3}, {}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}, {}),
    ("Adam", {"lr": 0.05, "amsgrad": True}, {}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.2}, {"lr": 0.01}),
    ("Adam", {"lr": 0.05, "maximize": True}, {}),
    ("AdamW", {}, {}),
    ("AdamW", {"lr": 0.05}, {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3}, {"weight_decay": 0}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "betas": [0.8, 0.95]}, {}),
    ("AdamW", {"lr": 0.05, "maximize": True}, {}),
    ("RMSprop", {}, {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9}, {}),
    ("RMSprop", {"lr": 0.02, "eps": 1e-2}, {}),
    ("RMSprop", {"lr": 0.02, "weight_decay": 0.1}, {}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9}, {}),
    ("RMSprop", {"lr": 0.02, "centered": True}, {}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5, "alpha": 0.8}, {}),
    ("RMSprop", {"lr": 0.02, "maximize": True}, {"lr": 0.1}),
]


def main() -> None:
    rng = np.random.RandomState(1)

    def normal(*shape: int) -> torch.Tensor:
        return rounded(torch.from_numpy(rng.standard_normal(shape)))

    initial = [normal(*shape) for shape in SHAPES]
    # Larger and larger by element, since optimizers differ in what they make of that.
    gradients = [
        rounded(normal(STEPS, *shape) * torch.logspace(-3, 1, shape[-1]).double())
        for shape in SHAPES
    ]
    tensors = {f"initial/{i}": p for i, p in enumerate(initial)}
    tensors |= {f"gradients/{i}": g for i, g in enumerate(gradients)}
    runs = []
    for number, (name, options, second) in enumerate(RUNS):
        params = [p.clone().requires_grad_() for p in initial]
        groups = [{"params": params[:1]}, {"params": params[1:], **second}]
        optimizer = getattr(torch.optim, name)(groups, **options)
        after = [[] for _ in params]
        for step in range(STEPS):
            for p, gradient in zip(params, gradients):
                p.grad = gradient[step].clone()
            optimizer.step()
            for p, list_ in zip(params, after):
                list_.append(p.detach().clone())
        tensors |= {f"{number}/{i}": torch.stack(a) for i, a in enumerate(after)}
        runs.append(
            {
                "optimizer": name,
                "options": {camel(key): value for key, value in options.items()},
                "second": {camel(key): value for key, value in second.items()},
            }
        )
    write(
        "optimizers",
        {name: stored(p) for name, p in tensors.items()},
        {"runs": json.dumps(runs)},
    )
