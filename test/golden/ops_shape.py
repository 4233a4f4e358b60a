"""Shapes, slices, joins, and elements by index."""

import torch
import torch.nn.functional as F

from golden import (
    Case,
    Maker,
    apart,
    integers,
    normal,
    ties,
    values,
    whole,
    write_cases,
)


def listed(function):
    """Takes the inputs `tensor0`, `tensor1`, ... as one list."""

    def run(**rest):
        options = {
            name: rest.pop(name) for name in list(rest) if not name.startswith("tensor")
        }
        return function(list(rest.values()), **options)

    return run


def squeeze(input, dim=None):
    return torch.squeeze(input) if dim is None else torch.squeeze(input, dim)


def slice_(input, dim, start=None, end=None, step=None):
    index = [slice(None)] * input.ndim
    index[dim] = slice(start, end, step)
    return input[tuple(index)]


FUNCTIONS = {
    "reshape": lambda input, shape: torch.reshape(input, shape),
    "flatten": lambda input, start_dim=0, end_dim=-1: torch.flatten(
        input, start_dim, end_dim
    ),
    "squeeze": squeeze,
    "unsqueeze": lambda input, dim: torch.unsqueeze(input, dim),
    "transpose": lambda input, dims: torch.transpose(input, *dims),
    "permute": lambda input, dims: torch.permute(input, dims),
    "slice": slice_,
    "select": lambda input, dim, index: torch.select(input, dim, index),
    "expand": lambda input, shape: input.expand(shape),
    "cat": listed(torch.cat),
    "stack": listed(torch.stack),
    "split": lambda input, size, dim=0: torch.split(input, size, dim),
    "chunk": lambda input, chunks, dim=0: torch.chunk(input, chunks, dim),
    "narrow": lambda input, dim, start, length: torch.narrow(input, dim, start, length),
    "repeat": lambda input, sizes: input.repeat(sizes),
    "tile": lambda input, sizes: torch.tile(input, sizes),
    "roll": lambda input, shifts, dims=None: torch.roll(input, shifts, dims),
    "pad": F.pad,
    "flip": lambda input, dims: torch.flip(input, dims),
    "cumsum": lambda input, dim: torch.cumsum(input, dim),
    "gather": lambda input, index, dim: torch.gather(input, dim, index),
    "indexSelect": lambda input, index, dim: torch.index_select(input, dim, index),
    "oneHot": lambda input, num_classes=-1: F.one_hot(input, num_classes),
    "sort": lambda input, **options: tuple(torch.sort(input, stable=True, **options)),
    "argsort": lambda input, **options: torch.argsort(input, stable=True, **options),
    "topk": lambda input, k, **options: tuple(torch.topk(input, k, **options)),
}


def case(op: str, x: Maker, note: str = "", **options) -> Case:
    return Case(op, {"input": x}, options, note=note)


def join(op: str, *tensors: Maker, note: str = "", **options) -> Case:
    return Case(
        op, {f"tensor{i}": x for i, x in enumerate(tensors)}, options, note=note
    )


def pick(op: str, x: Maker, index: Maker, dim: int, note: str = "") -> Case:
    return Case(op, {"input": x, "index": index}, {"dim": dim}, note=note)


nan, inf = float("nan"), float("inf")

CASES = [
    *(
        case("reshape", normal(*shape), shape=new)
        for shape, new in [
            ((2, 3, 4), [6, 4]),
            ((2, 3, 4), [4, -1]),
            ((6,), [1, 2, 3, 1]),
            ((1, 1), []),
            ((), [1, 1]),
            ((0, 3), [3, 0]),
        ]
    ),
    case("flatten", normal(2, 3, 4)),
    case("flatten", normal(2, 3, 4), start_dim=1),
    case("flatten", normal(2, 3, 4, 5), start_dim=1, end_dim=2),
    case("flatten", normal(2, 3, 4), start_dim=-2),
    case("flatten", normal()),
    case("squeeze", normal(1, 3, 1, 4)),
    case("squeeze", normal(1, 3, 1, 4), dim=2),
    case("squeeze", normal(1, 3, 1, 4), dim=-1),
    case("squeeze", normal(1, 3, 1, 4), dim=0),
    *(case("unsqueeze", normal(3, 4), dim=dim) for dim in (0, 1, 2, -1, -3)),
    *(
        case("transpose", normal(*shape), dims=dims)
        for shape, dims in [
            ((3, 5), [0, 1]),
            ((2, 3, 4), [0, 2]),
            ((2, 3, 4), [-1, -2]),
            ((2, 3, 4, 5), [1, 3]),
            ((33, 65), [1, 0]),
            ((3, 5), [1, 1]),
        ]
    ),
    case("transpose", integers(3, 5, low=-9, high=9), "integers", dims=[0, 1]),
    *(
        case("permute", normal(*shape), dims=dims)
        for shape, dims in [
            ((2, 3, 5), [2, 0, 1]),
            ((2, 3, 4, 5), [0, 2, 3, 1]),
            ((2, 3, 4, 5), [-1, 0, -2, 1]),
            ((3,), [0]),
            ((2, 3, 2, 3, 2), [4, 2, 0, 3, 1]),
        ]
    ),
    case("slice", normal(5, 7), dim=0, start=1, end=4),
    case("slice", normal(5, 7), dim=1, start=2),
    case("slice", normal(5, 7), dim=1, end=-2),
    case("slice", normal(5, 7), dim=-1, start=-3),
    case("slice", normal(5, 7), dim=1, start=1, end=7, step=3),
    case("slice", normal(2, 9, 3), dim=1, step=2),
    case("slice", normal(5, 7), dim=1, start=5, end=100),
    case("slice", normal(5, 7), dim=0, start=3, end=3),
    case("select", normal(5, 7), dim=0, index=2),
    case("select", normal(2, 3, 4), dim=1, index=-1),
    case("select", normal(2, 3, 4), dim=-1, index=0),
    case("select", normal(5), dim=0, index=4),
    *(
        case("expand", normal(*shape), shape=new)
        for shape, new in [
            ((3, 1), [3, 4]),
            ((1, 3, 1), [2, -1, 5]),
            ((3,), [2, 4, 3]),
            ((), [2, 3]),
        ]
    ),
    join("cat", normal(2, 3), normal(4, 3)),
    join("cat", normal(2, 3), normal(2, 1), normal(2, 5), dim=1),
    join("cat", normal(2, 3, 4), normal(2, 2, 4), dim=-2),
    join("cat", normal(3), dim=0),
    join("cat", normal(2, 0), normal(2, 3), dim=1),
    join(
        "cat",
        integers(2, 3, low=-9, high=9),
        integers(1, 3, low=-9, high=9),
        note="integers",
    ),
    join("stack", normal(2, 3), normal(2, 3)),
    join("stack", normal(2, 3), normal(2, 3), normal(2, 3), dim=1),
    join("stack", normal(2, 3), normal(2, 3), dim=-1),
    join("stack", normal(), normal(), normal()),
    case("split", normal(6, 3), size=2),
    case("split", normal(7, 3), size=3),
    case("split", normal(2, 7, 3), size=[1, 4, 2], dim=1),
    case("split", normal(3, 5), size=2, dim=-1),
    case("split", normal(3, 5), size=9),
    case("chunk", normal(7, 3), chunks=3),
    case("chunk", normal(2, 5), chunks=4, dim=1),
    case("narrow", normal(5, 7), dim=1, start=2, length=4),
    case("narrow", normal(5, 7), dim=0, start=-2, length=1),
    case("repeat", normal(2, 3), sizes=[2, 2]),
    case("repeat", normal(3), sizes=[2, 1, 3]),
    case("tile", normal(2, 3), sizes=[2]),
    case("tile", normal(2, 3), sizes=[2, 3, 1]),
    case("roll", normal(7), shifts=2),
    case("roll", normal(3, 5), shifts=-1),
    case("roll", normal(3, 5), shifts=[1, -7], dims=[0, 1]),
    *(
        case("pad", normal(*shape), pad=pad, **options)
        for shape, pad, options in [
            ((2, 3), [1, 2], {}),
            ((2, 3), [1, 2], {"value": 2.5}),
            ((2, 3, 4, 5), [1, 0, 2, 3], {"mode": "constant"}),
            ((2, 3, 4), [0, 1, 2, 0, 1, 1], {"value": -1.0}),
            ((4, 5), [-1, 2, 1, -2], {}),
            ((2, 3, 4, 5), [2, 1, 3, 2], {"mode": "reflect"}),
            ((1, 2, 7, 5), [4, 4, 6, 6], {"mode": "reflect"}),
            ((2, 3, 6), [3, 1], {"mode": "reflect"}),
        ]
    ),
    case("flip", normal(3, 5), dims=[0]),
    case("flip", normal(2, 3, 4), dims=[0, -1]),
    case("flip", normal(7), dims=[0]),
    case("flip", integers(3, 5, low=-9, high=9), "integers", dims=[1]),
    case("cumsum", normal(7), dim=0),
    case("cumsum", normal(3, 5), dim=0),
    case("cumsum", normal(3, 5), dim=-1),
    case("cumsum", normal(2, 3, 4), dim=1),
    case("cumsum", normal(2, 1031), dim=1),
    case("cumsum", integers(3, 7, low=-9, high=9), "integers", dim=1),
    case("cumsum", values([1.0, inf, 2.0, -inf, 3.0, nan]), "NaN and Inf", dim=0),
    pick("gather", normal(3, 5), integers(3, 4, low=0, high=5), dim=1),
    pick("gather", normal(3, 5), integers(7, 5, low=0, high=3), dim=0),
    pick("gather", normal(2, 3, 4), integers(2, 2, 3, low=0, high=4), dim=-1),
    pick("gather", normal(2, 3, 4), integers(1, 6, 4, low=0, high=3), dim=1),
    pick("gather", normal(5), whole([4, 4, 0, 4]), dim=0, note="one element often"),
    pick("indexSelect", normal(5, 3), whole([4, 0, 0, 2]), dim=0),
    pick("indexSelect", normal(2, 3, 4), integers(7, low=0, high=3), dim=1),
    pick("indexSelect", normal(3, 9), whole([8]), dim=-1),
    case("oneHot", integers(5, low=0, high=4), num_classes=4),
    case("oneHot", integers(2, 3, low=0, high=6), num_classes=7),
    case("sort", apart(7)),
    case("sort", apart(3, 9), dim=0, descending=True),
    case("sort", ties(4, 17), "ties"),
    case("sort", ties(17, 4), "ties", dim=0, descending=True),
    case("sort", apart(2, 300)),
    case("sort", values([1.0, nan, inf, -inf, 3.0, nan]), "NaN and Inf"),
    case("argsort", ties(4, 17), "ties"),
    case("argsort", ties(4, 17), "ties", descending=True),
    case("topk", apart(7), k=3),
    case("topk", apart(5, 9), k=4),
    case("topk", apart(5, 9), k=2, dim=0),
    case("topk", apart(2, 7, 3), k=3, dim=1, largest=False),
    case("topk", apart(2, 300), k=5),
    case("topk", apart(3, 6), k=6, dim=-1, largest=False),
    case("topk", values([1.0, nan, inf, -inf, 3.0]), "NaN and Inf", k=3),
    case("topk", values([1.0, nan, inf, -inf, 3.0]), "NaN and Inf", k=5, largest=False),
]


def main() -> None:
    write_cases("ops_shape", CASES, FUNCTIONS)
