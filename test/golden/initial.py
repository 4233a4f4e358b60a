"""What the initialisers and the layers draw from: the arguments of PyTorch's own uniform_ and
normal_ calls, seen on their way."""

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from golden import camel, write_json

aten = torch.ops.aten

SHAPES = [[64, 96], [48, 16, 5, 5]]

INITS = [
    ("uniform_", {}),
    ("uniform_", {"a": -0.25, "b": 2.0}),
    ("normal_", {}),
    ("normal_", {"mean": 3.0, "std": 0.2}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 2.0}),
    ("xavier_normal_", {}),
    ("xavier_normal_", {"gain": 0.5}),
    *(
        (name, options)
        for name in ("kaiming_uniform_", "kaiming_normal_")
        for options in (
            {},
            {"a": 0.3},
            {"mode": "fan_out"},
            {"nonlinearity": "relu"},
            {"nonlinearity": "linear"},
            {"nonlinearity": "tanh", "mode": "fan_out"},
            {"nonlinearity": "sigmoid"},
        )
    ),
]

LAYERS = [
    ("Linear", [300, 200], {}),
    ("Linear", [17, 3], {"bias": False}),
    ("Conv2d", [16, 32, 5], {}),
    ("Conv2d", [16, 32, [3, 5]], {"groups": 4}),
    ("Conv2d", [64, 64, 3], {"bias": False}),
    ("ConvTranspose2d", [16, 32, 5], {}),
    ("ConvTranspose2d", [16, 32, 3], {"groups": 4}),
]


class Draws(TorchDispatchMode):
    """Notes what is drawn, by the memory that it goes to."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        names = {aten.uniform_.default: "uniform", aten.normal_.default: "normal"}
        defaults = [0.0, 1.0]
        if function in names:
            numbers = [float(x) for x in args[1:]]
            self.seen[args[0].data_ptr()] = {
                "distribution": names[function],
                "args": numbers + defaults[len(numbers) :],
            }
        return function(*args, **(kwargs or {}))


def main() -> None:
    inits = []
    for name, options in INITS:
        for shape in SHAPES:
            x = torch.empty(shape)
            with Draws() as draws:
                getattr(nn.init, name)(x, **options)
            inits.append(
                {
                    # The last underscore stays.
                    "name": camel(name[:-1]) + "_",
                    "shape": shape,
                    "options": {
                        key: camel(value) if isinstance(value, str) else value
                        for key, value in options.items()
                    },
                    **draws.seen[x.data_ptr()],
                }
            )
    layers = []
    for name, args, options in LAYERS:
        with Draws() as draws:
            layer = getattr(nn, name)(*args, **options)
        parameters = {
            key: {"shape": list(p.shape), **draws.seen[p.data_ptr()]}
            for key, p in layer.named_parameters()
        }
        layers.append(
            {"name": name, "args": args, "options": options, "parameters": parameters}
        )
    write_json("initial", {"inits": inits, "layers": layers})
