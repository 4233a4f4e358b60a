"""Reductions."""

from math import prod

import torch

from golden import (
    Case,
    Maker,
    apart,
    integers,
    normal,
    ties,
    uniform,
    values,
    write_cases,
)


def over(function):
    """`dim` is a number, a list or left out."""

    def run(input, dim=None, keepdim=False, **rest):
        dims = list(range(input.ndim)) if dim is None else dim
        return function(input, dim=dims, keepdim=keepdim, **rest)

    return run


def product(input, dim=None, keepdim=False):
    """torch.prod takes one dimension, or all."""
    if dim is None:
        assert not keepdim
        return torch.prod(input)
    return torch.prod(input, dim, keepdim)


FUNCTIONS = {
    "sum": over(torch.sum),
    "mean": over(torch.mean),
    "max": over(torch.amax),
    "min": over(torch.amin),
    "variance": over(torch.var),
    "std": over(torch.std),
    "prod": product,
    # `p` may be "Infinity", which JSON has no number for.
    "norm": lambda input, p=2, dim=None, keepdim=False: torch.linalg.vector_norm(
        input, float(p), dim, keepdim
    ),
    "any": over(torch.any),
    "all": over(torch.all),
    "maxWithIndices": lambda input, dim, keepdim=False: torch.max(input, dim, keepdim),
    "minWithIndices": lambda input, dim, keepdim=False: torch.min(input, dim, keepdim),
    "argmax": lambda input, dim=None, keepdim=False: torch.argmax(input, dim, keepdim),
    "argmin": lambda input, dim=None, keepdim=False: torch.argmin(input, dim, keepdim),
}

nan, inf = float("nan"), float("inf")


def case(op: str, x: Maker, note: str = "", constant: bool = False, **options) -> Case:
    return Case(op, {"input": x}, options, constant=constant, note=note)


DIMS = [
    ((5, 7), {}),
    ((5, 7), {"dim": 0}),
    ((5, 7), {"dim": 1}),
    ((5, 7), {"dim": -1, "keepdim": True}),
    ((5, 7), {"dim": [0, 1], "keepdim": True}),
    ((), {}),
    ((65,), {"dim": 0}),
    ((2, 3, 4, 5), {"dim": [0, 2, 3]}),
    ((2, 3, 4, 5), {"dim": [1, -1], "keepdim": True}),
    ((2, 3, 4, 5), {"dim": 2}),
    ((3, 1, 4), {"dim": 1}),
    ((33, 31), {"dim": 0, "keepdim": True}),
    ((3, 1031), {"dim": 1}),
]
ONE_DIM = [
    (shape, options)
    for shape, options in DIMS
    if not isinstance(options.get("dim"), list)
]
SPECIAL = [
    [1.0, nan, 3.0, nan],
    [inf, 1.0, 2.0, 3.0],
    [-inf, 0.0, 5.0, 1.0],
    [inf, -inf, 0.0, 1.0],
    [-inf, -inf, -inf, -inf],
    [1e4, 1e-6, 1e4, -0.0],
]

CASES = [
    *(
        case(op, normal(*shape), **options)
        for op in ("sum", "mean")
        for shape, options in DIMS
    ),
    *(
        case(op, apart(*shape), **options)
        for op in ("max", "min")
        for shape, options in DIMS
    ),
    *(
        case("variance", normal(*shape), **options)
        for shape, options in DIMS
        if shape not in ((), (3, 1, 4))
    ),
    *(
        case("variance", normal(5, 7), dim=dim, correction=correction)
        for dim in (0, 1, [0, 1])
        for correction in (0, 1, 2)
    ),
    case("variance", normal(2, 3, 4, 5), dim=[0, 2, 3], correction=0, keepdim=True),
    case("variance", normal(3, 1), "of one element", dim=1, constant=True),
    case("variance", normal(3, 1), "of one element", dim=1, correction=0),
    case(
        "variance",
        values([[1e4, 1e4 + 1, 1e4 + 2, 1e4 - 1], [1e-6, -1e-6, 2e-6, 0.0]]),
        "large and small values",
        dim=1,
    ),
    *(
        case("prod", uniform(*shape, low=-2, high=2), **options)
        for shape, options in ONE_DIM
        if prod(shape) < 1000
    ),
    case("prod", uniform(3, 1031, low=0.95, high=1.05), dim=1),
    case(
        "prod",
        values([[2.0, 0.0, 3.0], [0.0, 5.0, 0.0], [1.0, -2.0, 4.0]]),
        "zeros",
        dim=1,
    ),
    case("prod", values([2.0, -3.0, 0.0, 4.0]), "one zero"),
    case("prod", values([0.0, -3.0, 0.0, 4.0]), "two zeros"),
    *(
        case("std", normal(5, 7), dim=dim, correction=correction)
        for dim in (0, 1, [0, 1])
        for correction in (0, 1)
    ),
    case("std", normal(2, 3, 4, 5)),
    *(
        case("norm", normal(2, 3, 7), **power, **options)
        for power in ({}, {"p": 1}, {"p": "Infinity"})
        for options in ({}, {"dim": 1}, {"dim": [0, -1], "keepdim": True})
    ),
    *(
        case(op, integers(4, 3, low=0, high=2), "integers", **options)
        for op in ("any", "all")
        for options in ({}, {"dim": 0}, {"dim": 1, "keepdim": True})
    ),
    *(
        case(op, values([[0.0, nan], [-0.0, 0.0], [1e-30, -2.0]]), "NaN", dim=1)
        for op in ("any", "all")
    ),
    *(
        case(op, x, note, dim=dim, keepdim=dim == 1)
        for op in ("maxWithIndices", "minWithIndices")
        for x, note in ((apart(5, 7), ""), (ties(6, 9), "ties"))
        for dim in (0, 1)
    ),
    *(
        case(op, values(SPECIAL), "NaN and Inf", constant=True, dim=1)
        for op in ("maxWithIndices", "minWithIndices")
    ),
    *(
        case(op, apart(*shape), **options)
        for op in ("argmax", "argmin")
        for shape, options in ONE_DIM
    ),
    *(
        case(op, ties(6, 9), "ties", **options)
        for op in ("max", "min", "argmax", "argmin")
        for options in ({}, {"dim": 0}, {"dim": 1})
    ),
    *(
        case(op, values(SPECIAL), "NaN and Inf", constant=True, **options)
        for op in ("sum", "mean", "max", "min", "variance", "prod", "argmax", "argmin")
        for options in ({}, {"dim": 0}, {"dim": 1})
    ),
    *(
        case(op, integers(5, 7, low=-9, high=9), "integers", **options)
        for op in ("sum", "max", "min", "argmax", "argmin")
        for options in ({}, {"dim": 0}, {"dim": 1, "keepdim": True})
    ),
    case("prod", integers(5, 7, low=-3, high=4), "integers", dim=1),
    *(
        case(op, normal(3, 0), "empty", **options)
        for op in ("sum", "prod")
        for options in ({}, {"dim": 1}, {"dim": 0})
    ),
    case("mean", normal(3, 0), "empty", dim=1, constant=True),
    case("mean", normal(0), "empty", constant=True),
    case("max", normal(0, 3), "empty", dim=1),
]


def main() -> None:
    write_cases("ops_reduce", CASES, FUNCTIONS)
