"""Elementwise functions, with broadcasting; softmax."""

import torch
import torch.nn.functional as F

from golden import (
    Case,
    Maker,
    integers,
    normal,
    ties,
    uniform,
    values,
    whole,
    write_cases,
)

BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "remainder": torch.remainder,
    "fmod": torch.fmod,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}
COMPARISONS = {
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
}
UNARY = {
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "rsqrt": torch.rsqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "relu": F.relu,
    "relu6": F.relu6,
    "hardtanh": F.hardtanh,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leakyRelu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "softplus": F.softplus,
}


def with_number(function):
    """The second operand is the input `other`, or the option `number`."""

    def run(input, other=None, number=None):
        if number is None:
            return function(input, other)
        if function in (torch.maximum, torch.minimum):
            return function(input, torch.tensor(number, dtype=input.dtype))
        return function(input, number)

    return run


FUNCTIONS = {
    **{name: with_number(f) for name, f in (BINARY | COMPARISONS).items()},
    # These builtins take no `input` by keyword.
    **{
        name: (lambda input, f=f, **options: f(input, **options))
        for name, f in UNARY.items()
    },
    "rsub": lambda input, number: number - input,
    "rdiv": lambda input, number: number / input,
    "rpow": lambda input, number: number**input,
    "clamp": lambda input, min=None, max=None: torch.clamp(input, min, max),
    "where": lambda condition, input, other=None, number=None: torch.where(
        condition != 0, input, number if other is None else other
    ),
    "softmax": lambda input, dim: torch.softmax(input, dim),
    "logSoftmax": lambda input, dim: torch.log_softmax(input, dim),
}

# Of positive numbers.
ROOTS = ("log", "sqrt", "rsqrt", "reciprocal")
# PyTorch's own kernels, for vectors and for what is left, differ in their gradient at NaN.
UNSURE = ("relu6", "hardtanh", "elu")

nan, inf = float("nan"), float("inf")
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 1.0, -2.5, 1e4, -1e4, 1e-6, -1e-6]


def two(op: str, a: Maker, b: Maker, note: str = "", **rest) -> Case:
    return Case(op, {"input": a, "other": b}, note=note, **rest)


def number(op: str, a: Maker, value: float, note: str = "") -> Case:
    return Case(op, {"input": a}, {"number": value}, note=note)


def one(op: str, x: Maker, note: str = "", constant: bool = False, **options) -> Case:
    return Case(op, {"input": x}, options, constant=constant, note=note)


def positive(*shape: int) -> Maker:
    return uniform(*shape, low=0.2, high=3)


BROADCASTS = [
    ((3, 5), (3, 5)),
    ((2, 3, 5), (5,)),
    ((3, 1), (1, 5)),
    ((2, 1, 4), (3, 1)),
    ((), (2, 3)),
    ((7, 33), (7, 1)),
    ((2, 3, 4, 5), (1, 3, 1, 1)),
]

all_pairs = (
    values([[x] * len(SPECIAL) for x in SPECIAL]),
    values([SPECIAL] * len(SPECIAL)),
)

CASES = [
    # Two operands
    *(
        two(op, normal(*a), normal(*b))
        for op in ("add", "sub", "mul", "maximum", "minimum")
        for a, b in BROADCASTS
    ),
    *(two("div", normal(*a), positive(*b)) for a, b in BROADCASTS),
    *(two("pow", positive(*a), normal(*b)) for a, b in BROADCASTS),
    *(number(op, normal(3, 7), 1.5) for op in ("add", "sub", "mul", "div")),
    *(number(op, normal(3, 7), 0.5) for op in ("maximum", "minimum")),
    *(number(op, positive(3, 7), 1.5) for op in ("rsub", "rdiv", "rpow")),
    *(
        two(
            op,
            uniform(*a, low=-9, high=9),
            uniform(*b, low=low, high=high),
            f"divisor from {low}",
        )
        for op in ("remainder", "fmod")
        for low, high in ((0.7, 4), (-4, -0.7))
        for a, b in BROADCASTS[:3]
    ),
    *(number(op, uniform(3, 7, low=-9, high=9), 2.5) for op in ("remainder", "fmod")),
    *(number("pow", positive(3, 7), value) for value in (2, 0.5, -1, 0, 1.7)),
    *(number("pow", normal(3, 7), value, "negative base") for value in (2, 3, -2)),
    two(
        "pow",
        values([0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 2.0, 1.0, -1.0, 1.0, 0.5, -3.0, nan]),
        values([0.0, 2.0, 0.5, 3.0, 2.0, 0.5, -3.0, inf, -inf, nan, inf, inf, 0.0]),
        "zero and negative bases",
        constant=True,
    ),
    two("maximum", ties(5, 9), ties(5, 9), "ties share the gradient"),
    two("minimum", ties(5, 9), ties(5, 9), "ties share the gradient"),
    *(
        two(op, *all_pairs, "NaN and Inf", constant=True)
        for op in ("add", "sub", "mul", "div", "maximum", "minimum", *COMPARISONS)
    ),
    *(
        two(op, integers(4, 1, low=-9, high=9), integers(5, low=-9, high=9), "integers")
        for op in ("add", "sub", "mul", "maximum", "minimum")
    ),
    two(
        "div", integers(4, 3, low=-9, high=9), integers(4, 3, low=1, high=9), "integers"
    ),
    # Comparisons
    *(two(op, ties(3, 7), ties(3, 7)) for op in COMPARISONS),
    *(two(op, ties(2, 3, 1), ties(5)) for op in COMPARISONS),
    *(Case(op, {"input": ties(3, 7)}, {"number": 1}) for op in COMPARISONS),
    *(
        two(
            op,
            integers(5, 7, low=-3, high=3),
            integers(5, 7, low=-3, high=3),
            "integers",
        )
        for op in COMPARISONS
    ),
    *(
        Case(
            "where",
            {
                "condition": integers(*c, low=0, high=2),
                "input": normal(*a),
                "other": normal(*b),
            },
        )
        for c, a, b in [
            ((3, 5), (3, 5), (3, 5)),
            ((3, 1), (5,), (2, 1, 1)),
            ((2, 3, 4), (4,), ()),
            ((4,), (2, 3, 1), (3, 4)),
        ]
    ),
    Case(
        "where",
        {"condition": integers(3, 5, low=0, high=2), "input": normal(3, 5)},
        {"number": -7.5},
    ),
    Case(
        "where",
        {
            "condition": whole([0, 1, 0, 1]),
            "input": values([nan, inf, nan, 2.0]),
            "other": values([1.0, nan, -inf, nan]),
        },
        note="NaN where it is not taken",
    ),
    # One operand
    *(
        one(op, normal(*shape))
        for op in UNARY
        if op not in ROOTS
        for shape in ((), (3, 7), (2, 3, 5, 11))
    ),
    *(
        one(op, positive(*shape))
        for op in ROOTS
        for shape in ((), (3, 7), (2, 3, 5, 11))
    ),
    *(
        one(
            op,
            values([*SPECIAL, 20.0, -20.0, 88.0, -88.0, 100.0, -100.0]),
            "NaN and Inf",
            constant=op in UNSURE,
        )
        for op in UNARY
        if op not in ("exp", "sin", "cos")
    ),
    *(one(op, values(SPECIAL[1:]), "Inf") for op in UNSURE),
    one("exp", values([nan, inf, -inf, 0.0, -0.0, 1e-6, -1e-6, 20.0]), "NaN and Inf"),
    one("exp", values([100.0, 1e4, -1e4]), "beyond float32", constant=True),
    *(one(op, uniform(5, 13, low=-20, high=20), "some turns") for op in ("sin", "cos")),
    one("round", values([0.5, 1.5, 2.5, -0.5, -1.5, 3.49, -2.51]), "halves"),
    one("hardtanh", normal(3, 7), min_val=-0.25, max_val=0.75),
    one("hardtanh", ties(5, 7), "at the limits"),
    one("relu6", uniform(5, 7, low=-3, high=9), "above 6"),
    one("relu", ties(5, 7), "zeros"),
    one("abs", ties(5, 7), "zeros"),
    *(one(op, integers(3, 7, low=-9, high=9), "integers") for op in ("neg", "abs")),
    one("clamp", normal(3, 7), min=-0.5, max=0.5),
    one("clamp", normal(3, 7), min=0.25),
    one("clamp", normal(3, 7), max=0.25),
    one("clamp", ties(5, 9), "at the limits", min=-1, max=1),
    one("clamp", values(SPECIAL), "NaN and Inf", min=-2, max=3),
    one("leakyRelu", normal(3, 7), negative_slope=0.2),
    one("elu", normal(3, 7), alpha=0.5),
    one("gelu", normal(3, 7), approximate="tanh"),
    one("gelu", values([5.0, -5.0, 10.0, -10.0, 0.0, 1e-6, -3.0]), "far out"),
    one(
        "gelu",
        values([5.0, -5.0, 10.0, -10.0, 0.0, 1e-6, -3.0]),
        "far out",
        approximate="tanh",
    ),
    one("softplus", normal(3, 7), beta=2.0),
    one("softplus", uniform(4, 9, low=-5, high=5), beta=0.5, threshold=1.0),
    # Softmax
    *(
        one(op, normal(*shape), dim=dim)
        for op in ("softmax", "logSoftmax")
        for shape, dim in [
            ((4, 7), 1),
            ((4, 7), 0),
            ((5,), 0),
            ((2, 3, 4), 1),
            ((2, 3, 4), -1),
            ((2, 3, 4, 5), -3),
            ((2, 300), -1),
            ((3, 1), 1),
        ]
    ),
    *(
        one(
            op,
            values(
                [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [-inf, 1.0, 2.0], [88.0, 89, 0]]
            ),
            "large values",
            dim=1,
        )
        for op in ("softmax", "logSoftmax")
    ),
    *(
        one(
            op,
            values([[nan, 1.0, 0.0], [inf, 0.0, 1.0], [-inf, -inf, -inf]]),
            "NaN and Inf",
            constant=True,
            dim=1,
        )
        for op in ("softmax", "logSoftmax")
    ),
]


def main() -> None:
    write_cases("ops_elementwise", CASES, FUNCTIONS)
