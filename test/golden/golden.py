"""Cases for the golden files: what PyTorch gives for an op, its options and its inputs.

A case has named inputs, made from a seed of its own, so that a new case changes no other. PyTorch
computes it in float64 from inputs that float32 holds exactly; what is stored is rounded once. Thus
the files are the same on every machine, and the library's float32 is held against something better.
"""

import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from safetensors.torch import save as encode

HERE = Path(__file__).parent

Maker = Callable[[np.random.RandomState], torch.Tensor]


def normal(*shape: int) -> Maker:
    """N(0, 1)."""
    return lambda rng: torch.from_numpy(np.asarray(rng.standard_normal(shape)))


def uniform(*shape: int, low: float, high: float) -> Maker:
    return lambda rng: torch.from_numpy(np.asarray(rng.uniform(low, high, shape)))


def integers(*shape: int, low: int, high: int) -> Maker:
    """Of int64, from low to high - 1; with a small range they have many ties."""
    return lambda rng: torch.from_numpy(
        np.asarray(rng.randint(low, high, shape, np.int64))
    )


def ties(*shape: int, low: int = -2, high: int = 3) -> Maker:
    """Floats that are small integers, so that many of them are equal."""
    return lambda rng: integers(*shape, low=low, high=high)(rng).double()


def apart(*shape: int) -> Maker:
    """0, 1, ... in a random order: no two are equal."""
    count = int(np.prod(shape))
    return lambda rng: torch.from_numpy(rng.permutation(count).reshape(shape)).double()


def probabilities(*shape: int) -> Maker:
    """Each row adds up to 1."""
    return lambda rng: torch.softmax(normal(*shape)(rng), -1)


def values(nested: Any) -> Maker:
    """Floats as they stand."""
    return lambda _: torch.tensor(nested, dtype=torch.float64)


def whole(nested: Any) -> Maker:
    """Integers as they stand."""
    return lambda _: torch.tensor(nested, dtype=torch.int64)


@dataclass
class Case:
    """An op (a key of its family's FUNCTIONS and of the test's), inputs by name, and options."""

    op: str
    inputs: dict[str, Maker]
    options: dict[str, Any] = field(default_factory=dict)
    # Names of float inputs without a gradient; True: of all.
    constant: tuple[str, ...] | bool = ()
    # Tells apart what inputs' shapes and options do not.
    note: str = ""


def camel(name: str) -> str:
    """ceil_mode as ceilMode, T_max as tMax."""
    return name[0].lower() + re.sub(r"_(\w)", lambda match: match[1].upper(), name[1:])


def stored(x: torch.Tensor) -> torch.Tensor:
    x = x.detach()
    # A clone, since the format refuses tensors that share memory.
    return (x.float() if x.dtype == torch.float64 else x).clone().contiguous()


def rounded(x: torch.Tensor) -> torch.Tensor:
    """To what float32 can hold, in float64; integers stay."""
    return x.float().double() if x.is_floating_point() else x


def title(case: Case, inputs: dict[str, torch.Tensor]) -> str:
    shapes = " ".join(f"({', '.join(map(str, x.shape))})" for x in inputs.values())
    options = [
        f"{camel(name)} {json.dumps(value)}" for name, value in case.options.items()
    ]
    return ", ".join([f"{case.op} {shapes}", *options, *filter(None, [case.note])])


def run(case: Case, function: Callable) -> tuple[dict, dict[str, torch.Tensor]]:
    """The case's description, and its tensors: inputs, outputs, dy and gradients."""
    seed = zlib.crc32(
        f"{case.op} {case.options} {list(case.inputs)} {case.note}".encode()
    )
    rng = np.random.RandomState(seed)
    inputs = {name: rounded(make(rng)) for name, make in case.inputs.items()}
    wanted = {
        name: x.requires_grad_()
        for name, x in inputs.items()
        if x.is_floating_point()
        and case.constant is not True
        and name not in (case.constant or ())
    }
    result = function(**inputs, **case.options)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    dys = {
        i: rounded(uniform(*y.shape, low=0.5, high=1.5)(rng))
        for i, y in enumerate(outputs)
        if y.requires_grad
    }
    if not dys:
        wanted = {}
    tensors = {camel(name): x for name, x in inputs.items()}
    tensors |= {f"output {i}": y for i, y in enumerate(outputs)}
    tensors |= {f"dy {i}": dy for i, dy in dys.items()}
    if wanted:
        gradients = torch.autograd.grad(
            [outputs[i] for i in dys], list(wanted.values()), list(dys.values())
        )
        tensors |= {f"d {camel(name)}": dx for name, dx in zip(wanted, gradients)}
    about = {
        "title": title(case, inputs),
        "op": case.op,
        "options": {camel(name): value for name, value in case.options.items()},
        "inputs": [camel(name) for name in inputs],
        "outputs": len(outputs),
        "gradients": [camel(name) for name in wanted],
    }
    return about, {name: stored(x) for name, x in tensors.items()}


def write_cases(name: str, cases: list[Case], functions: dict[str, Callable]) -> None:
    """Writes all cases of a family; keys are `12/input`, `12/output 0`, `12/dy 0`, `12/d input`."""
    results = [run(case, functions[case.op]) for case in cases]
    about = [each for each, _ in results]
    titles = [each["title"] for each in about]
    assert len(set(titles)) == len(titles), "two cases have the same title"
    unused = functions.keys() - {case.op for case in cases}
    assert not unused, f"functions without a case: {unused}"
    tensors = {
        f"{i}/{key}": x for i, (_, own) in enumerate(results) for key, x in own.items()
    }
    write(name, tensors, {"cases": json.dumps(about, separators=(",", ":"))})


def write(name: str, tensors: dict[str, torch.Tensor], about: dict[str, str]) -> None:
    """Writes NAME.safetensors, the same bytes each time, with PyTorch's version in its metadata."""
    encoded = encode(tensors, {"torch": torch.__version__, **about})
    length = int.from_bytes(encoded[:8], "little")
    header = json.loads(encoded[8 : 8 + length])
    # The encoder writes the metadata in a random order.
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = HERE / f"{name}.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + encoded[8 + length :])
    print(f"{path.name}: {path.stat().st_size} bytes")


def write_json(name: str, data: dict) -> None:
    """Writes NAME.json, with PyTorch's version."""
    path = HERE / f"{name}.json"
    path.write_text(json.dumps({"torch": torch.__version__, **data}) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
