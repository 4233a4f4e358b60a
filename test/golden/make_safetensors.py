"""Writes reference.safetensors with the reference implementation.

    pip install safetensors==0.8.0 numpy ml_dtypes
    python test/golden/make_safetensors.py
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

halves = [1.5, -0.0, 65504.0, 6e-8, np.inf, -0.333251953125]
tensors = {
    "conv.weight": np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) / 8 - 0.5,
    "conv.bias": np.array([3.4028234663852886e38, -1e-45], np.float32),
    "bn.num_batches_tracked": np.array(1234, np.int64),
    "empty": np.zeros((0, 3), np.float32),
    "scalar": np.array(-2.5, np.float32),
    "f64": np.array([0.1, -np.inf], np.float64),
    "f16": np.array(halves, np.float16),
    "bf16": np.array([1.0, -3.140625, 3.3895314e38], ml_dtypes.bfloat16),
    "i32": np.array([-(2**31), 2**31 - 1], np.int32),
    "u32": np.array([0, 2**32 - 1], np.uint32),
    "u64": np.array([2**32 - 1], np.uint64),
    "i16": np.array([-32768, 32767], np.int16),
    "u16": np.array([65535], np.uint16),
    "i8": np.array([-128, 127, 5], np.int8),
    "u8": np.array([255, 0], np.uint8),
    "bool": np.array([True, False, True]),
    'name "quoted" \u00e9 \U0001f600 \u0001': np.array([7], np.uint8),
    "\ufb01": np.array([8], np.uint8),
}
save_file(tensors, Path(__file__).parent / "reference.safetensors", {"format": "pt"})
