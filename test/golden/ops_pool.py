"""Pooling."""

import torch.nn.functional as F

from golden import Case, Maker, apart, normal, ties, values, write_cases

FUNCTIONS = {
    "maxPool2d": F.max_pool2d,
    "avgPool2d": F.avg_pool2d,
    "adaptiveAvgPool2d": F.adaptive_avg_pool2d,
    "adaptiveMaxPool2d": F.adaptive_max_pool2d,
}

nan, inf = float("nan"), float("inf")


def maximum(x: Maker, note: str = "", **options) -> Case:
    return Case("maxPool2d", {"input": x}, options, note=note)


def average(x: Maker, **options) -> Case:
    return Case("avgPool2d", {"input": x}, options)


def adaptive(op: str, x: Maker, **options) -> Case:
    return Case(op, {"input": x}, options)


CASES = [
    maximum(apart(2, 3, 6, 6), kernel_size=2),
    maximum(apart(1, 2, 7, 5), kernel_size=3),
    maximum(apart(2, 1, 7, 9), kernel_size=[2, 3]),
    maximum(apart(1, 4, 13, 13), kernel_size=3, stride=2),
    maximum(apart(2, 2, 7, 8), kernel_size=3, stride=1),
    maximum(apart(1, 2, 9, 11), kernel_size=2, stride=[3, 4]),
    maximum(apart(2, 3, 7, 6), kernel_size=3, stride=2, padding=1),
    maximum(apart(1, 3, 6, 7), kernel_size=[4, 2], stride=1, padding=[2, 1]),
    maximum(apart(2, 2, 9, 8), kernel_size=3, dilation=2),
    maximum(apart(1, 2, 9, 10), kernel_size=2, stride=2, padding=1, dilation=[3, 1]),
    maximum(apart(1, 3, 7, 8), kernel_size=2, ceil_mode=True),
    maximum(apart(1, 3, 8, 7), kernel_size=3, stride=2, padding=1, ceil_mode=True),
    maximum(apart(1, 1, 5, 5), kernel_size=1, stride=3, ceil_mode=True),
    maximum(apart(2, 3, 6, 6), kernel_size=2, return_indices=True),
    maximum(
        apart(2, 3, 7, 9),
        kernel_size=3,
        stride=2,
        padding=1,
        ceil_mode=True,
        return_indices=True,
    ),
    maximum(
        apart(1, 2, 9, 8), kernel_size=[2, 3], dilation=[2, 3], return_indices=True
    ),
    maximum(ties(2, 3, 8, 8), kernel_size=2, return_indices=True, note="ties"),
    maximum(ties(2, 2, 9, 9), kernel_size=3, stride=2, padding=1, note="ties"),
    maximum(
        values(
            [[[[1.0, nan, 2, 3], [4, 5, nan, nan], [-inf, -inf, 6, inf], [-inf] * 4]]]
        ),
        kernel_size=2,
        return_indices=True,
        note="NaN and Inf",
    ),
    maximum(normal(1, 1, 28, 28), kernel_size=2),
    average(normal(2, 3, 6, 6), kernel_size=2),
    average(normal(1, 2, 7, 5), kernel_size=3),
    average(normal(2, 1, 7, 9), kernel_size=[2, 3]),
    average(normal(1, 4, 13, 13), kernel_size=3, stride=2),
    average(normal(1, 2, 9, 11), kernel_size=2, stride=[3, 4]),
    average(normal(2, 2, 7, 8), kernel_size=3, stride=1, padding=1),
    average(normal(1, 3, 6, 7), kernel_size=[4, 2], stride=1, padding=[2, 1]),
    average(
        normal(2, 3, 7, 6),
        kernel_size=3,
        stride=2,
        padding=1,
        count_include_pad=False,
    ),
    average(normal(1, 3, 7, 8), kernel_size=2, ceil_mode=True),
    average(normal(1, 3, 8, 7), kernel_size=3, stride=2, padding=1, ceil_mode=True),
    average(
        normal(1, 3, 8, 7),
        kernel_size=3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    average(normal(1, 2, 5, 5), kernel_size=1, stride=3, ceil_mode=True),
    average(normal(2, 2, 6, 6), kernel_size=2, divisor_override=3),
    average(
        normal(1, 2, 7, 8),
        kernel_size=3,
        stride=2,
        padding=1,
        ceil_mode=True,
        divisor_override=5,
    ),
    *(
        adaptive("adaptiveAvgPool2d", normal(*shape), output_size=size)
        for shape, size in [
            ((2, 3, 6, 6), 1),
            ((2, 3, 7, 5), 3),
            ((1, 2, 13, 11), [6, 4]),
            ((1, 4, 6, 6), 6),
            ((1, 2, 3, 4), [5, 7]),
            ((1, 2, 9, 5), [4, None]),
        ]
    ),
    *(
        adaptive("adaptiveMaxPool2d", apart(*shape), output_size=size, **options)
        for shape, size, options in [
            ((2, 3, 6, 6), 1, {}),
            ((2, 3, 7, 5), 3, {}),
            ((1, 2, 13, 11), [6, 4], {}),
            ((1, 2, 3, 4), [5, 7], {}),
            ((1, 2, 9, 5), [None, 2], {}),
            ((2, 3, 7, 9), [3, 4], {"return_indices": True}),
        ]
    ),
    Case(
        "adaptiveMaxPool2d",
        {"input": ties(2, 2, 7, 7)},
        {"output_size": 3, "return_indices": True},
        note="ties",
    ),
]


def main() -> None:
    write_cases("ops_pool", CASES, FUNCTIONS)
