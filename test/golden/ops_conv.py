"""Convolutions."""

import torch.nn.functional as F

from golden import Case, normal, values, write_cases

FUNCTIONS = {"conv2d": F.conv2d, "convTranspose2d": F.conv_transpose2d}


def conv(x: list[int], weight: list[int], bias: bool = True, **options) -> Case:
    inputs = {"input": normal(*x), "weight": normal(*weight)}
    if bias:
        inputs["bias"] = normal(weight[0])
    return Case("conv2d", inputs, options)


def transposed(x: list[int], weight: list[int], bias: bool = True, **options) -> Case:
    inputs = {"input": normal(*x), "weight": normal(*weight)}
    if bias:
        inputs["bias"] = normal(weight[1] * options.get("groups", 1))
    return Case("convTranspose2d", inputs, options)


CASES = [
    conv([2, 3, 9, 8], [4, 3, 3, 3]),
    conv([2, 3, 9, 8], [4, 3, 3, 3], bias=False),
    conv([1, 1, 1, 1], [1, 1, 1, 1]),
    conv([2, 5, 4, 7], [7, 5, 1, 1]),
    conv([1, 3, 5, 7], [2, 3, 5, 7]),
    conv([2, 3, 9, 8], [4, 3, 3, 3], stride=2),
    conv([2, 3, 11, 12], [5, 3, 2, 3], stride=[1, 3]),
    conv([1, 2, 11, 13], [3, 2, 2, 2], stride=[5, 4]),
    conv([2, 3, 6, 5], [4, 3, 3, 3], padding=1),
    conv([2, 3, 6, 5], [4, 3, 3, 4], padding=[2, 1]),
    conv([2, 2, 3, 3], [3, 2, 3, 3], padding=4),
    conv([2, 3, 6, 7], [4, 3, 3, 5], padding="same"),
    conv([2, 3, 6, 7], [4, 3, 2, 4], padding="same"),
    conv([1, 2, 9, 10], [3, 2, 2, 4], padding="same", dilation=[3, 1]),
    conv([2, 3, 6, 7], [4, 3, 3, 3], padding="valid"),
    conv([1, 2, 12, 11], [3, 2, 3, 3], padding="valid", stride=[2, 3]),
    conv([2, 3, 9, 10], [4, 3, 3, 3], dilation=2),
    conv([2, 3, 9, 10], [4, 3, 3, 2], dilation=[1, 3], padding=[0, 2]),
    conv([2, 4, 7, 6], [6, 2, 3, 3], groups=2),
    conv([1, 6, 7, 6], [9, 2, 3, 3], groups=3, bias=False, padding=1),
    conv([2, 5, 7, 6], [5, 1, 3, 3], groups=5, padding=1),
    conv([2, 3, 8, 6], [6, 1, 3, 3], groups=3, stride=2),
    conv(
        [2, 4, 13, 12],
        [6, 2, 3, 2],
        stride=[2, 1],
        padding=[2, 1],
        dilation=[2, 3],
        groups=2,
    ),
    conv([1, 1, 28, 28], [6, 1, 5, 5], padding=2),
    conv([2, 6, 14, 14], [16, 6, 5, 5]),
    conv([1, 3, 39, 39], [8, 3, 11, 11], stride=4, padding=2),
    conv([1, 8, 13, 13], [9, 8, 3, 3], padding=1),
    conv([1, 17, 7, 5], [33, 17, 3, 3], padding=1),
    Case(
        "conv2d",
        {
            "input": values(
                [[[[1e4, -1e-6, 0.0], [-0.0, 1e-6, -1e4], [3.0, 7.0, 1.0]]]]
            ),
            "weight": values([[[[1e-6, 1e4], [1.0, -1.0]]]]),
        },
        note="large and small values",
    ),
    transposed([2, 3, 4, 5], [3, 4, 3, 3]),
    transposed([2, 3, 4, 5], [3, 4, 3, 3], bias=False),
    transposed([2, 3, 4, 5], [3, 4, 2, 2], stride=2),
    transposed([2, 3, 4, 3], [3, 2, 3, 4], stride=[3, 2]),
    transposed([1, 2, 3, 4], [2, 3, 2, 2], stride=[3, 4]),
    transposed([2, 3, 5, 6], [3, 4, 3, 3], padding=1),
    transposed([2, 3, 5, 6], [3, 4, 3, 4], padding=[1, 2], stride=[2, 1]),
    transposed([2, 3, 4, 5], [3, 2, 3, 3], stride=2, padding=1, output_padding=1),
    transposed([1, 3, 4, 4], [3, 2, 3, 3], stride=[2, 3], output_padding=[1, 2]),
    transposed([2, 3, 4, 5], [3, 4, 3, 2], dilation=2),
    transposed([1, 2, 4, 5], [2, 3, 3, 2], dilation=[2, 3], output_padding=[1, 2]),
    transposed([2, 4, 5, 4], [4, 3, 3, 3], groups=2),
    transposed([2, 5, 4, 5], [5, 1, 3, 3], groups=5, stride=2, padding=1),
    transposed(
        [1, 6, 5, 4],
        [6, 2, 3, 4],
        stride=[2, 3],
        padding=[2, 1],
        output_padding=[1, 2],
        dilation=[2, 1],
        groups=3,
    ),
]


def main() -> None:
    write_cases("ops_conv", CASES, FUNCTIONS)
