"""Products of matrices and vectors."""

import torch
import torch.nn.functional as F

from golden import Case, normal, values, write_cases


def matmul(input, other, transposed=()):
    """`transposed` names the operands whose last two dimensions are swapped."""
    if "input" in transposed:
        input = input.transpose(-1, -2)
    if "other" in transposed:
        other = other.transpose(-1, -2)
    return input @ other


FUNCTIONS = {
    "matmul": matmul,
    "mm": lambda input, other: torch.mm(input, other),
    "mv": lambda input, other: torch.mv(input, other),
    "bmm": lambda input, other: torch.bmm(input, other),
    "dot": lambda input, other: torch.dot(input, other),
    "outer": lambda input, other: torch.outer(input, other),
    "linear": F.linear,
}


def product(op: str, a: list[int], b: list[int], **options) -> Case:
    return Case(op, {"input": normal(*a), "other": normal(*b)}, options)


def linear(x: list[int], out: int, bias: bool = True) -> Case:
    inputs = {"input": normal(*x), "weight": normal(out, x[-1])}
    return Case("linear", inputs | ({"bias": normal(out)} if bias else {}))


CASES = [
    product("matmul", [1, 1], [1, 1]),
    product("matmul", [3, 5], [5, 7]),
    product("matmul", [17, 33], [33, 31]),
    product("matmul", [1, 65], [65, 3]),
    product("matmul", [31, 1], [1, 33]),
    product("matmul", [2, 300], [300, 3]),
    product("matmul", [3, 0], [0, 4]),
    product("matmul", [4], [4]),
    product("matmul", [5], [5, 7]),
    product("matmul", [3, 5], [5]),
    product("matmul", [2, 3, 5], [5]),
    product("matmul", [5], [2, 5, 3]),
    product("matmul", [4, 3, 5], [4, 5, 2]),
    product("matmul", [4, 3, 5], [5, 2]),
    product("matmul", [3, 5], [4, 5, 2]),
    product("matmul", [2, 1, 3, 5], [4, 5, 2]),
    product("matmul", [2, 1, 3, 5], [1, 4, 5, 2]),
    product("matmul", [2, 3, 4, 5], [2, 3, 5, 1]),
    product("matmul", [5, 3], [5, 7], transposed=["input"]),
    product("matmul", [3, 5], [7, 5], transposed=["other"]),
    product("matmul", [5, 3], [7, 5], transposed=["input", "other"]),
    product("matmul", [2, 5, 3], [7, 5], transposed=["input", "other"]),
    product("matmul", [2, 1, 5, 3], [4, 7, 5], transposed=["input", "other"]),
    Case(
        "matmul",
        {
            "input": values([[1e4, 1e-6, 0.0], [-1e4, -0.0, 3.0]]),
            "other": values([[1e4, 1e-6], [1.0, 1e4], [-1e-6, 2.0]]),
        },
        note="large and small values",
    ),
    product("mm", [7, 5], [5, 3]),
    product("mv", [7, 33], [33]),
    product("bmm", [3, 4, 5], [3, 5, 2]),
    product("bmm", [1, 7, 17], [1, 17, 9]),
    product("dot", [1], [1]),
    product("dot", [257], [257]),
    product("outer", [3], [5]),
    product("outer", [33], [1]),
    linear([4, 5], 3),
    linear([4, 5], 3, bias=False),
    linear([5], 3),
    linear([2, 3, 7], 4),
    linear([2, 400], 12),
    linear([1, 33], 65),
    linear([65, 3], 31),
]


def main() -> None:
    write_cases("ops_dense", CASES, FUNCTIONS)
