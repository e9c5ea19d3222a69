"""Whether `audit.access` tells the truth: grants are really removed, and a rehearsal of each mutant is run.

Run it after a rehearsal: `PYTHONPATH=src .venv/bin/python benchmarks/access_mutation.py`, `--json` for
one document. It takes the audit log and the roles that the rehearsal left, and draws grants of several
roles: some that recorded calls need, and some that have a reason instead. Each is taken out of a copy of
the checkout's Terraform, by an override file, and the copy is rehearsed. Of a needed grant the rehearsal
must be denied just that action, of another nothing; the exit code is 1 if one is otherwise. Each
rehearsal takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from kennel.audit.access import analysis, exceptions, recorded, roles
from kennel.audit.access.analysis import GrantUse
from kennel.audit.access.grants import listed
from kennel.audit.access.roles import Role
from kennel.localcloud import AUDIT_LOG, redecision

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("build", ".git", ".terraform", ".tools", ".venv*", "__pycache__", ".*_cache")
TIMEOUT = 1800  # seconds of one rehearsal
# By the policy's name: the module, the resource, and its policy without the mutation.
PLACES = {
    "deploying": ("delivery", "aws_iam_policy.deploying", "data.aws_iam_policy_document.deploying.json"),
    "planning": ("delivery", "aws_iam_role_policy.planning", "data.aws_iam_policy_document.planning.json"),
    "flow-logs": ("network", "aws_iam_role_policy.flow_logs", "data.aws_iam_policy_document.flow_logs.json"),
    "": ("identity", "aws_iam_role_policy.this", "each.value.policy"),
}
# A policy without one action on one resource; nothing else is changed.
OVERRIDE = """\
resource "{type}" "{name}" {{
  policy = !{applies} ? {policy} : jsonencode(merge(jsondecode({policy}), {{
    Statement = [
      for statement in concat(
        [for other in jsondecode({policy}).Statement : other if other.Sid != "{sid}"],
        [for same in jsondecode({policy}).Statement : merge(same, {{
          Action = [for action in flatten([same.Action]) : action if action != "{action}"]
        }}) if same.Sid == "{sid}"],
        [for same in jsondecode({policy}).Statement : merge(same, {{
          Sid      = "{sid}Rest"
          Action   = ["{action}"]
          Resource = [for index, resource in flatten([same.Resource]) : resource if index != {index}]
        }}) if same.Sid == "{sid}"],
      ) : statement if length(flatten([statement.Action])) > 0 && length(flatten([statement.Resource])) > 0
    ]
  }}))
}}
"""


@dataclass(frozen=True)
class Mutant:
    """What became of a rehearsal without one grant.

    Attributes
    ----------
    needed
        What `audit.access` says: whether recorded calls need the grant.
    denied
        Whether the role was denied the action.
    failed
        The step that failed; empty if the rehearsal succeeded.
    """

    role: str
    action: str
    resource: str
    needed: bool
    denied: bool
    failed: str
    seconds: float

    @property
    def as_said(self) -> bool:
        """Whether the rehearsal shows what the analysis said."""
        return self.needed == self.denied and (self.needed or not self.failed)


def main() -> int:
    """Draw grants, rehearse without each, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "rehearsal" / "cloud")
    parser.add_argument("--needed", type=int, default=3, help="how many grants that calls need (default: 3)")
    parser.add_argument("--excepted", type=int, default=1, help="how many that have a reason (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    drawn = draw(given.directory, given.needed, given.excepted, given.seed)
    mutants = []
    for role, use in drawn:
        mutants.append(rehearsed(role, use))
        print(describe(mutants[-1]), file=sys.stderr, flush=True)
    as_said = sum(mutant.as_said for mutant in mutants)
    if given.json:
        print(json.dumps({"as_said": as_said, "mutants": [asdict(mutant) for mutant in mutants]}, indent=2))
    print(f"{as_said} of {len(mutants)} rehearsals ended as audit.access said", file=sys.stderr)
    return 0 if as_said == len(mutants) else 1


def draw(directory: Path, needed: int, excepted: int, seed: int) -> list[tuple[Role, GrantUse]]:
    """Return grants by chance, of as many roles: some that calls need, some that have a reason instead."""
    access = analysis.analyse(
        recorded.of_audit_log(directory / AUDIT_LOG),
        roles.read(roles.load(directory / roles.FILE)),
        exceptions.read(ROOT / "policies" / "access_exceptions.toml"),
        redecision.allows,
    )
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    drawn: list[tuple[Role, GrantUse]] = []
    for number, kind in ((needed, "needed"), (excepted, "exception")):
        of_roles = [(each.role, [use for use in each.grants if getattr(use, kind)]) for each in access.roles]
        of_roles = [(role, uses) for role, uses in of_roles if uses]
        for role, uses in chance.sample(of_roles, min(number, len(of_roles))):
            drawn.append((role, chance.choice(uses)))
    return drawn


def rehearsed(role: Role, use: GrantUse) -> Mutant:
    """Rehearse a copy of the checkout without one grant."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        path, text = override(role, use)
        (copy / "terraform" / path).write_text(text)
        subprocess.run(
            [sys.executable, "-P", "-m", "kennel", "rehearse", "--json"],
            cwd=copy,
            env={**_environment(), "PYTHONPATH": str(copy / "src")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,  # it is to fail
        )
        result = json.loads((copy / "build" / "rehearsal" / "result.json").read_text())
        calls = recorded.of_audit_log(copy / "build" / "rehearsal" / "cloud" / AUDIT_LOG).of(role.name)
    denied = any(call.action == use.grant.action and not call.allowed for call in calls)
    failed = (result["error"] or "") if not result["ok"] else ""
    grant = use.grant
    seconds = round(time.monotonic() - started, 1)
    return Mutant(role.key, grant.action, grant.resource, use.needed, denied, failed[:300], seconds)


def override(role: Role, use: GrantUse) -> tuple[str, str]:
    """Return the file, below terraform/, and the text that takes a grant out of a role's policy."""
    grant = use.grant
    policy = role.policies[grant.policy]
    name = "deploying" if policy.name.endswith("deploying-us-east-1") else policy.name
    module, resource, unchanged = PLACES.get(name, PLACES[""])
    kind, _, resource_name = resource.partition(".")
    of_each = resource_name in ("this", "planning")
    text = OVERRIDE.format(
        type=kind,
        name=resource_name,
        applies=f'(each.key == "{role.key.replace("-", "_")}")' if of_each else "true",
        policy=unchanged,
        sid=grant.sid,
        action=grant.action,
        index=listed(policy.statements[grant.statement]["Resource"]).index(grant.resource),
    )
    return f"modules/{module}/mutant_override.tf", text


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KENNEL_ENV"))}


def describe(mutant: Mutant) -> str:
    """Return a mutant in one line."""
    said = "needed" if mutant.needed else "not needed"
    seen = "denied" if mutant.denied else "not denied"
    end = f"failed: {mutant.failed[:120]}" if mutant.failed else "succeeded"
    mark = "✓" if mutant.as_said else "✗"
    return (
        f"{mark} {mutant.role} without {mutant.action} on {mutant.resource}: {said}, {seen}, the rehearsal "
        f"{end} ({mutant.seconds:.0f} s)"
    )


if __name__ == "__main__":
    sys.exit(main())
