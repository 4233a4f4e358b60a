"""Normalisation. Batch normalisation is a layer here, since it remembers statistics."""

import torch
import torch.nn.functional as F
from torch import nn

from golden import Case, normal, uniform, values, write_cases


def batch_norm(layer: type[nn.Module]):
    """Several steps of training, then one in eval(): the outputs, then the statistics."""

    def run(evaluated, weight=None, bias=None, num_features=0, **inputs_and_options):
        steps = [
            inputs_and_options.pop(f"step{i}")
            for i in range(3)
            if f"step{i}" in inputs_and_options
        ]
        module = layer(num_features, dtype=torch.float64, **inputs_and_options)
        if weight is not None:
            del module.weight, module.bias
            module.weight, module.bias = weight, bias
        outputs = [module(x) for x in steps]
        module.eval()
        outputs.append(module(evaluated))
        if module.running_mean is not None:
            outputs += [
                module.running_mean,
                module.running_var,
                module.num_batches_tracked,
            ]
        return outputs

    return run


FUNCTIONS = {
    "BatchNorm1d": batch_norm(nn.BatchNorm1d),
    "BatchNorm2d": batch_norm(nn.BatchNorm2d),
    "localResponseNorm": F.local_response_norm,
    "layerNorm": F.layer_norm,
}


def steps(layer: str, *shape: int, count: int = 3, **options) -> Case:
    """Inputs far from mean 0 and variance 1, so that the running statistics move."""
    inputs = {}
    if options.get("affine", True):
        inputs["weight"] = uniform(shape[1], low=0.5, high=2)
        inputs["bias"] = normal(shape[1])
    for i in range(count):
        inputs[f"step{i}"] = uniform(*shape, low=-1 - i, high=4)
    inputs["evaluated"] = uniform(*shape, low=-2, high=3)
    return Case(layer, inputs, {"num_features": shape[1], **options})


def response(*shape: int, note: str = "", **options) -> Case:
    return Case("localResponseNorm", {"input": normal(*shape)}, options, note=note)


def layer(shape: list[int], normalized: list[int], affine: bool, **options) -> Case:
    inputs = {"input": normal(*shape)}
    if affine:
        inputs["weight"] = normal(*normalized)
        inputs["bias"] = normal(*normalized)
    return Case("layerNorm", inputs, {"normalized_shape": normalized, **options})


CASES = [
    steps("BatchNorm1d", 6, 5),
    steps("BatchNorm1d", 4, 3, 7),
    steps("BatchNorm1d", 5, 7, momentum=0.3, eps=1e-2),
    steps("BatchNorm1d", 5, 7, momentum=None),
    steps("BatchNorm1d", 5, 3, affine=False),
    steps("BatchNorm1d", 5, 3, track_running_stats=False),
    steps("BatchNorm1d", 5, 3, count=0),
    steps("BatchNorm2d", 3, 4, 5, 6),
    steps("BatchNorm2d", 1, 3, 7, 5),
    steps("BatchNorm2d", 5, 3, 1, 1),
    steps("BatchNorm2d", 2, 3, 4, 4, momentum=0.9, eps=1e-3),
    steps("BatchNorm2d", 2, 3, 4, 4, momentum=0.0),
    steps("BatchNorm2d", 2, 3, 4, 4, momentum=1.0),
    steps("BatchNorm2d", 2, 3, 4, 4, momentum=None),
    steps("BatchNorm2d", 2, 3, 4, 4, affine=False),
    steps("BatchNorm2d", 2, 3, 4, 4, track_running_stats=False),
    steps("BatchNorm2d", 2, 3, 4, 4, affine=False, track_running_stats=False),
    steps("BatchNorm2d", 2, 3, 4, 4, count=0),
    steps("BatchNorm2d", 1, 2, 17, 31, count=1),
    response(2, 7, 3, 4, size=5),
    response(2, 7, 3, 4, size=5, alpha=0.1, beta=0.5, k=2.0),
    response(1, 6, 3, 2, size=4, alpha=1.0),
    response(1, 6, 3, 2, size=1, alpha=2.0, beta=1.0),
    response(1, 3, 5, 5, size=9, alpha=0.5, beta=0.75, k=0.5),
    response(1, 96, 3, 3, size=5, alpha=1e-4, beta=0.75, k=2.0, note="AlexNet"),
    response(2, 5, 6, size=3, alpha=0.3),
    layer([4, 5], [5], True),
    layer([4, 5], [5], False),
    layer([2, 3, 4, 5], [5], True, eps=1e-2),
    layer([2, 3, 4, 5], [4, 5], True),
    layer([2, 3, 4], [2, 3, 4], True),
    layer([3, 7, 33], [33], True),
    Case(
        "layerNorm",
        {"input": values([[1e4, 1e4 + 1, 1e4 - 1], [1e-6, 0.0, -1e-6]])},
        {"normalized_shape": [3]},
        note="large and small values",
    ),
]


def main() -> None:
    write_cases("ops_norm", CASES, FUNCTIONS)
