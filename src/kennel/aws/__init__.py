"""What talks to AWS: session, Terraform, artifacts, training jobs, releases, predictions.

Nothing in this room knows whether AWS answers or the local cloud does: the SDKs and the
provider read the same environment variables either way.
"""

from __future__ import annotations

from kennel.errors import KennelError


class StackError(KennelError):
    """Something on the way to, or inside, the stack failed."""
