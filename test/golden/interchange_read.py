"""Reads what shadegrad wrote with safetensors' reference reader, into PyTorch.

    python3 test/golden/interchange_read.py FOLDER

interchangeRead.node.test.ts writes model.safetensors and logits.json to the folder and runs this.
Fails unless the keys are those of the same network in PyTorch, strictly, and its logits are ours.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from interchange import logits, network


def main() -> None:
    folder = Path(sys.argv[1])
    tensors = load_file(folder / "model.safetensors")
    model = network()
    result = model.load_state_dict(tensors, strict=True)
    expected = torch.tensor(json.loads((folder / "logits.json").read_text()))
    actual = logits(model).float()
    error = ((actual - expected).norm() / expected.norm()).item()
    print(result)
    for key, tensor in model.state_dict().items():
        print(key, tuple(tensor.shape), tensor.dtype)
    print(f"relative error of the logits {error:.1e}")
    if error > 1e-5:
        sys.exit("the logits differ")


if __name__ == "__main__":
    main()
