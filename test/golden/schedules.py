"""Learning rates by step, of two parameter groups; as JSON, which keeps all digits."""

import math

import torch
from torch.optim import lr_scheduler

from golden import camel, write_json

STEPS = 25
BASE = [0.1, 0.02]

LAMBDAS = {"0.9 ** t": lambda t: 0.9**t, "1 / (1 + t)": lambda t: 1 / (1 + t)}

# Falls, then stays with some noise, then falls and rises.
METRICS = [
    1.0 / (1 + t) if t < 6 else 0.2 + 0.01 * math.sin(t) - (0.1 if t == 14 else 0)
    for t in range(STEPS)
]

PLATEAU = "ReduceLROnPlateau"

# Each a list of schedules that step together. LinearLR's name in the library is WarmupLR.
CASES = [
    [("StepLR", {"step_size": 4})],
    [("StepLR", {"step_size": 1, "gamma": 0.8})],
    [("StepLR", {"step_size": 7, "gamma": 0.5})],
    [("MultiStepLR", {"milestones": [3, 8, 20]})],
    [("MultiStepLR", {"milestones": [1, 5, 5, 6], "gamma": 0.5})],
    [("ExponentialLR", {"gamma": 0.9})],
    [("CosineAnnealingLR", {"T_max": 20})],
    [("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.001})],
    [("LambdaLR", {"lr_lambda": "0.9 ** t"})],
    [("LambdaLR", {"lr_lambda": ["0.9 ** t", "1 / (1 + t)"]})],
    [("LinearLR", {})],
    [("LinearLR", {"start_factor": 0.1, "total_iters": 10})],
    [("LinearLR", {"start_factor": 1.0, "total_iters": 3})],
    [(PLATEAU, {"patience": 2})],
    [(PLATEAU, {"patience": 0, "factor": 0.5, "min_lr": 0.005})],
    [(PLATEAU, {"patience": 1, "factor": 0.7, "mode": "max"})],
    [(PLATEAU, {"patience": 1, "cooldown": 3})],
    [(PLATEAU, {"patience": 1, "threshold": 0.05, "threshold_mode": "abs"})],
    [(PLATEAU, {"patience": 2, "threshold": 0.5})],
    [(PLATEAU, {"patience": 0, "factor": 0.5, "eps": 0.005})],
    [
        ("LinearLR", {"start_factor": 0.1, "total_iters": 5}),
        ("StepLR", {"step_size": 6}),
    ],
    [("LinearLR", {"total_iters": 4}), ("CosineAnnealingLR", {"T_max": 12})],
    [("ExponentialLR", {"gamma": 0.95}), (PLATEAU, {"patience": 1, "factor": 0.5})],
]


def functions(options: dict) -> dict:
    """With functions for their names."""
    named = options.get("lr_lambda")
    if named is None:
        return options
    chosen = LAMBDAS[named] if isinstance(named, str) else [LAMBDAS[n] for n in named]
    return {**options, "lr_lambda": chosen}


def main() -> None:
    cases = []
    for case in CASES:
        params = [torch.zeros(1, requires_grad=True) for _ in BASE]
        groups = [{"params": [p], "lr": lr} for p, lr in zip(params, BASE)]
        optimizer = torch.optim.SGD(groups, lr=1)
        schedules = [
            getattr(lr_scheduler, name)(optimizer, **functions(options))
            for name, options in case
        ]
        lrs = [[group["lr"] for group in optimizer.param_groups]]
        for metric in METRICS:
            optimizer.step()
            for (name, _), schedule in zip(case, schedules):
                schedule.step(*([metric] if name == PLATEAU else []))
            lrs.append([group["lr"] for group in optimizer.param_groups])
        described = [
            {
                "name": "WarmupLR" if name == "LinearLR" else name,
                "options": {camel(key): value for key, value in options.items()},
            }
            for name, options in case
        ]
        cases.append({"schedules": described, "lrs": lrs})
    write_json("schedules", {"base": BASE, "metrics": METRICS, "cases": cases})
