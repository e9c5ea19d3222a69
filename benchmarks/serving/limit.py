"""The limit of a runtime: decode a photo, compute its logits, nothing else. One process, driven line by line.

It uses Pillow and the runtime directly, not the application's code, so that what that code costs is seen.
Each line of standard input, ``{"photo": FILE, "clients": N, "requests": N}``, is answered with one line.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import load
import numpy as np
from PIL import Image

Infer = Callable[[np.ndarray], np.ndarray]


def decode(photo: bytes, resize: int, crop: int) -> np.ndarray:
    """Return the centre of a photo as uint8 (1, crop, crop, 3), from the smallest fitting DCT scale."""
    image = Image.open(io.BytesIO(photo))
    width, height = image.size
    scale = resize / min(width, height)
    image.draft("RGB", (round(width * scale) + 1, round(height * scale) + 1))
    side = min(image.size) * crop / resize
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.convert("RGB").resize((crop, crop), Image.Resampling.BILINEAR, box=box))[None]


def graph(folder: Path) -> Callable[[], Infer]:
    """Return what makes the function from pixels to logits for one client of an OpenVINO graph."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(folder / "graph.xml", "CPU", settings)

    def client() -> Infer:
        request = compiled.create_infer_request()
        return lambda pixels: request.infer([pixels])[0]

    return client


def eager(folder: Path) -> Callable[[], Infer]:
    """Return what makes the function from pixels to logits for one client of a PyTorch network."""
    import torch

    from kennel.classifier import networks, weights

    description = json.loads((folder / "model.json").read_text())
    network, prepared = networks.from_description(description, weights.read_state(folder / "model.pth"))

    def infer(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(prepared.to_input(torch.from_numpy(pixels))).numpy()

    return lambda: infer


def main() -> int:
    """Measure what standard input asks for, until it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the unpacked release")
    folder = parser.parse_args().folder
    runtime = json.loads((folder / "release.json").read_text())["runtime"]
    shape = json.loads((folder / "model.json").read_text())["preprocessing"]
    resize, crop = shape["resize"], shape["crop"]
    client = eager(folder) if runtime == "torch" else graph(folder)

    for line in sys.stdin:
        asked = json.loads(line)
        photo = Path(asked["photo"]).read_bytes()

        def connect(photo: bytes = photo) -> load.Call:
            infer = client()

            def call() -> float:
                infer(decode(photo, resize, crop))
                return 0.0

            return call

        logits = client()(decode(photo, resize, crop))[0].tolist()  # first: it also loads Pillow's decoder
        figures = load.run(connect, asked["clients"], asked["requests"])
        answer = {"answers": figures.answers, "seconds": figures.seconds, "logits": logits}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
