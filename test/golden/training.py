"""Whole trainings by loops as in PyTorch's tutorials, in float64; as JSON, which keeps all digits."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from golden import write_json

EXAMPLES, FEATURES, HIDDEN, CLASSES = 23, 6, 8, 4
BATCH = 5  # the last of an epoch has 3 examples
EPOCHS = 3

# Options under the library's names; l1 is on the first layer's kernel, l2 on both kernels.
CASES = [
    {"optimizer": "SGD", "settings": {"lr": 0.2, "momentum": 0.9}, "accumulate": 2},
    {
        "optimizer": "SGD",
        "settings": {"lr": 0.3, "momentum": 0.9, "nesterov": True},
        "accumulate": 3,
        "clipGradNorm": 0.2,
        "l2": 0.01,
        "l1": 0.003,
    },
    {
        "optimizer": "Adam",
        "settings": {"lr": 0.02},
        "classWeights": [1.0, 2.0, 0.5, 3.0],
        "clipGradValue": 0.03,
    },
    {
        "optimizer": "AdamW",
        "settings": {"lr": 0.02, "weight_decay": 0.1},
        "accumulate": 4,
        "schedule": "update",
        "l2": 0.02,
    },
    {
        "optimizer": "RMSprop",
        "settings": {"lr": 0.01},
        "clipGradNorm": 0.5,
        "schedule": "epoch",
    },
]


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, CLASSES)
    )


def train(case: dict, start: dict, x: torch.Tensor, y: torch.Tensor) -> dict:
    model = network().double()
    model.load_state_dict(start)
    optimizer = getattr(torch.optim, case["optimizer"])(
        model.parameters(), **case["settings"]
    )
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.8)
    weights = case.get("classWeights")
    weight = torch.tensor(weights).double() if weights else None
    kernels = [model[0].weight, model[2].weight]
    group = BATCH * case.get("accumulate", 1)
    losses = []

    def penalty() -> torch.Tensor:
        l2 = sum(w.square().sum() for w in kernels) * case.get("l2", 0)
        return l2 + kernels[0].abs().sum() * case.get("l1", 0)

    for _ in range(EPOCHS):
        total = 0.0
        for first in range(0, EXAMPLES, group):
            optimizer.zero_grad()
            count = min(group, EXAMPLES - first)
            for at in range(first, first + count, BATCH):
                xs, ys = x[at : at + BATCH], y[at : at + BATCH]
                loss = F.cross_entropy(model(xs), ys, weight=weight) + penalty()
                (loss * len(xs) / count).backward()
                total += loss.item() * len(xs)
            if "clipGradValue" in case:
                nn.utils.clip_grad_value_(model.parameters(), case["clipGradValue"])
            if "clipGradNorm" in case:
                nn.utils.clip_grad_norm_(model.parameters(), case["clipGradNorm"])
            optimizer.step()
            if case.get("schedule") == "update":
                schedule.step()
        if case.get("schedule") == "epoch":
            schedule.step()
        losses.append(total / EXAMPLES)
    parameters = {key: value.tolist() for key, value in model.state_dict().items()}
    return {**case, "losses": losses, "parameters": parameters}


def main() -> None:
    torch.manual_seed(7)
    start = network().state_dict()  # of float32, which the library starts from too
    x = torch.randn(EXAMPLES, FEATURES)
    y = torch.randint(CLASSES, (EXAMPLES,))
    cases = [
        train(case, {k: v.double() for k, v in start.items()}, x.double(), y)
        for case in CASES
    ]
    write_json(
        "training",
        {
            "batchSize": BATCH,
            "epochs": EPOCHS,
            "x": x.tolist(),
            "y": y.tolist(),
            "start": {key: value.tolist() for key, value in start.items()},
            "cases": cases,
        },
    )
