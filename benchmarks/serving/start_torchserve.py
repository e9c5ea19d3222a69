"""Starts TorchServe as AWS's PyTorch image for inference did; run by the Python of ``.venv-torchserve``.

The toolkit writes TorchServe's properties to ``/etc``, which a container may and a checkout must not.
"""

from __future__ import annotations

import sys

from sagemaker_pytorch_serving_container import torchserve

torchserve.TS_CONFIG_FILE = sys.argv[1]
torchserve.start_torchserve()
