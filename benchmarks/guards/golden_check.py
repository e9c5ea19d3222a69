"""The golden check of `deploy`, on releases whose labels are wrong and on right ones."""

from __future__ import annotations

import json
import random
from typing import Any

from service import Service

from kennel.aws import StackError, silent
from kennel.aws.deployment import proof
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.release.golden import GoldenPhoto

BUCKET, CLASSES, PHOTOS = "releases", 133, 3
NOISE = 1e-4  # what another CPU changes in a logit of float32


def compared(local: Service, runs: int, seed: int) -> dict[str, Any]:
    """Prove so many releases with exchanged labels, and as many right ones, before they have traffic.

    The photos and their logits are read from the bucket, as `package` leaves them there. Wrong labels are
    those of a model whose classes are in another order: most often two exchanged classes only.
    """
    local.client("s3").create_bucket(Bucket=BUCKET)
    drawn = random.Random(f"labels {seed}")  # noqa: S311 - logits, not a secret
    wrong = [_passes(local, f"wrong-{number}", drawn, wrong=True) for number in range(runs)]
    right = [_passes(local, f"right-{number}", drawn, wrong=False) for number in range(runs)]
    return {
        "runs": runs,
        "wrong_passed": sum(wrong),
        "right_refused": runs - sum(right),
        "share_of_the_new_release": {"mean": 0.0, "most": 0.0} if not any(wrong) else None,
    }


def _passes(local: Service, name: str, drawn: random.Random, *, wrong: bool) -> bool:
    """Return whether a release answers its golden photos as it did when it was packaged."""
    packaged = {f"{number}.png": [drawn.gauss(0, 3) for _ in range(CLASSES)] for number in range(PHOTOS)}
    s3 = local.client("s3")
    for photo in packaged:
        s3.put_object(Bucket=BUCKET, Key=f"releases/{name}/golden/{photo}", Body=photo.encode())
    document = {"source": "a benchmark", "logits": packaged}
    s3.put_object(
        Bucket=BUCKET, Key=f"releases/{name}/golden/logits.json", Body=json.dumps(document).encode()
    )
    order = list(range(CLASSES))
    if wrong:
        for _ in range(drawn.choice([1, 1, CLASSES])):
            one, other = drawn.sample(range(CLASSES), 2)
            order[one], order[other] = order[other], order[one]

    def ask(photo: GoldenPhoto) -> proof.Answer:
        logits = [packaged[photo.name][place] + drawn.uniform(-NOISE, NOISE) for place in order]
        return 200, {}, json.dumps([logits])

    deployment = Deployment(name, "digest", f"s3://{BUCKET}/releases/{name}/model.tar.gz", "image", 1)
    try:
        proof.compare(deployment, "a scripted model server", ask, silent, waits=())
    except StackError:
        return False
    return True
