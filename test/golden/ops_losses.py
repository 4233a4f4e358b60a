"""Losses."""

import torch.nn.functional as F

from golden import (
    Case,
    Maker,
    integers,
    normal,
    probabilities,
    ties,
    uniform,
    values,
    whole,
    write_cases,
)

FUNCTIONS = {
    "crossEntropy": F.cross_entropy,
    "nllLoss": F.nll_loss,
    "mseLoss": F.mse_loss,
    "l1Loss": F.l1_loss,
    "smoothL1Loss": F.smooth_l1_loss,
    "huberLoss": F.huber_loss,
    "binaryCrossEntropyWithLogits": F.binary_cross_entropy_with_logits,
}

REDUCTIONS = [{}, {"reduction": "sum"}, {"reduction": "none"}]


def classes(
    op: str,
    input: Maker,
    target: Maker,
    weight: Maker | None = None,
    note: str = "",
    **options,
) -> Case:
    inputs = {"input": input, "target": target}
    if weight:
        inputs["weight"] = weight
    return Case(op, inputs, options, constant=("weight",), note=note)


def pair(op: str, input: Maker, target: Maker, note: str = "", **options) -> Case:
    return Case(op, {"input": input, "target": target}, options, note=note)


def binary(input: Maker, target: Maker, note: str = "", **rest) -> Case:
    inputs = {"input": input, "target": target}
    inputs |= {
        name: rest.pop(name) for name in ("weight", "pos_weight") if name in rest
    }
    return Case(
        "binaryCrossEntropyWithLogits",
        inputs,
        rest,
        constant=("weight", "pos_weight"),
        note=note,
    )


labels = integers(5, low=0, high=7)
some_ignored = whole([3, -100, 0, 6, -100])
class_weights = uniform(7, low=0.2, high=3)

CASES = [
    *(
        classes("crossEntropy", normal(5, 7), target, weight, **smoothing, **reduction)
        for target in (labels, probabilities(5, 7))
        for weight in (None, class_weights)
        for smoothing in ({}, {"label_smoothing": 0.1})
        for reduction in REDUCTIONS
    ),
    *(
        classes(
            "crossEntropy",
            normal(5, 7),
            some_ignored,
            weight,
            note="-100 ignored",
            **smoothing,
            **reduction,
        )
        for weight in (None, class_weights)
        for smoothing in ({}, {"label_smoothing": 0.3})
        for reduction in REDUCTIONS
    ),
    classes("crossEntropy", normal(5, 7), labels, ignore_index=3),
    classes("crossEntropy", normal(5, 7), labels, class_weights, ignore_index=2),
    classes("crossEntropy", normal(5, 7), labels, label_smoothing=1.0),
    classes("crossEntropy", normal(1, 1), whole([0])),
    *(
        classes(op, normal(2, 4, 3, 5), integers(2, 3, 5, low=0, high=4), **reduction)
        for op in ("crossEntropy", "nllLoss")
        for reduction in REDUCTIONS
    ),
    *(
        classes(op, normal(4), integers(low=0, high=4), note="one row")
        for op in ("crossEntropy", "nllLoss")
    ),
    classes("crossEntropy", normal(2, 3, 4), uniform(2, 3, 4, low=0, high=1)),
    classes("crossEntropy", normal(3, 4), whole([-100] * 3), note="all ignored"),
    classes("crossEntropy", normal(16, 10), integers(16, low=0, high=10)),
    classes("crossEntropy", normal(3, 1000), integers(3, low=0, high=1000)),
    classes(
        "crossEntropy",
        values([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [88.0, 89.0, 1e-6]]),
        whole([1, 2, 0]),
        note="large and small logits",
    ),
    *(
        classes("nllLoss", normal(5, 7), target, weight, note, **reduction)
        for target, note in ((labels, ""), (some_ignored, "-100 ignored"))
        for weight in (None, class_weights)
        for reduction in REDUCTIONS
    ),
    classes("nllLoss", normal(5, 7), labels, ignore_index=3),
    *(
        pair(op, normal(*shape), normal(*shape), **reduction)
        for op in ("mseLoss", "l1Loss", "smoothL1Loss", "huberLoss")
        for shape in ((3, 5), (2, 3, 4, 5))
        for reduction in REDUCTIONS
    ),
    pair("l1Loss", ties(4, 9), ties(4, 9), note="zero differences"),
    *(
        pair("smoothL1Loss", normal(3, 5), normal(3, 5), beta=beta, **reduction)
        for beta in (0.25, 2.0)
        for reduction in REDUCTIONS
    ),
    pair("smoothL1Loss", normal(3, 5), normal(3, 5), beta=0.0),
    *(
        pair("huberLoss", normal(3, 5), normal(3, 5), delta=delta, **reduction)
        for delta in (0.25, 2.0)
        for reduction in REDUCTIONS
    ),
    *(
        pair(op, ties(4, 9), ties(4, 9), note="at the bend and at zero")
        for op in ("smoothL1Loss", "huberLoss")
    ),
    pair(
        "mseLoss",
        values([1e4, -1e4, 1e-6, 0.0]),
        values([-1e4, -1e4, -1e-6, -0.0]),
        note="large and small values",
    ),
    *(
        binary(normal(4, 5), uniform(4, 5, low=0, high=1), **weights, **reduction)
        for weights in (
            {},
            {"weight": uniform(4, 5, low=0.2, high=2)},
            {"pos_weight": uniform(5, low=0.2, high=4)},
            {
                "weight": uniform(5, low=0.2, high=2),
                "pos_weight": uniform(5, low=0.2, high=4),
            },
        )
        for reduction in REDUCTIONS
    ),
    binary(normal(6), values([0.0, 1, 1, 0, 1, 0])),
    binary(
        values([1e4, 1e4, -1e4, -1e4, 0.0, 1e-6, 90.0, -90.0]),
        values([0.0, 1, 0, 1, 0, 1, 0, 1]),
        note="large and small logits",
    ),
]


def main() -> None:
    write_cases("ops_losses", CASES, FUNCTIONS)
