"""Writes the golden files that PyTorch is the source of; `npm run golden`.

pip install torch==2.15.0 numpy safetensors==0.8.0
"""

import sys

try:
    import torch
    import numpy  # noqa: F401
    import safetensors  # noqa: F401
except ModuleNotFoundError as error:
    sys.exit(
        f"The golden files are written by PyTorch, and this Python has no {error.name}.\n"
        "Install it: pip install torch==2.15.0 numpy safetensors==0.8.0"
    )

import importlib

SCRIPTS = [
    "ops_conv",
    "ops_pool",
    "ops_norm",
    "ops_dense",
    "ops_losses",
    "ops_elementwise",
    "ops_reduce",
    "ops_shape",
    "lenet5",
    "optimizers",
    "schedules",
    "training",
    "initial",
    "alexnet",
    "interchange",
]

if __name__ == "__main__":
    # Sums in one order, whatever the machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in sys.argv[1:] or SCRIPTS:
        importlib.import_module(name).main()
