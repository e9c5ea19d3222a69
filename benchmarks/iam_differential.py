"""Policy decisions of the local cloud against an independent simulator, on generated cases.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/iam_differential.py --cases 100000`, `--json` for one
document. The simulator is `@cloud-copilot/iam-simulate` under Node 18 or newer; `npm ci` installs the pinned
version into `build/iam-simulate` when it is first needed. Decisions that differ are explained by the rules of
`iam/differences.py`, each with AWS's sentence; the exit code is 1 if one is left.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from iam import differences
from iam.cases import ACCOUNT, ROLE, SESSION, USER, Case, Generator
from iam.differences import DIFFERENCES, Difference

from kennel.localcloud.policy.document import AccessRequest, Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.principal import Principal

HERE = Path(__file__).resolve().parent / "iam"
INSTALLED = HERE.parents[1] / "build" / "iam-simulate"
BATCH = 5000  # cases for one process of Node
PRINCIPALS = {
    SESSION: Principal(
        "role", SESSION, account=ACCOUNT, name="worker", role_arn=ROLE, unique_id="AROAWORKER:session"
    ),
    USER: Principal("user", USER, account=ACCOUNT, name="ada", unique_id="AIDAADA"),
}


@dataclass
class Comparison:
    """What a run found.

    Attributes
    ----------
    explained
        How many cases each combination of differences explains.
    unexplained
        The cases that none explains, with both decisions.
    """

    cases: int = 0
    agreed: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    explained: Counter[tuple[Difference, ...]] = field(default_factory=Counter)
    unexplained: list[dict[str, Any]] = field(default_factory=list)


def install() -> Path:
    """Install the pinned simulator if it is not, and return its folder.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        There is no npm, or it cannot reach its registry.
    """
    lock = (HERE / "package-lock.json").read_bytes()
    marker = INSTALLED / "package-lock.json"
    if marker.exists() and marker.read_bytes() == lock and (INSTALLED / "node_modules").is_dir():
        return INSTALLED
    INSTALLED.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", INSTALLED)
    marker.write_bytes(lock)
    try:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=INSTALLED, check=True, capture_output=True, timeout=300)
    except BaseException:
        marker.unlink()
        raise
    return INSTALLED


def simulate(cases: Sequence[Case], folder: Path) -> list[str]:
    """Return the simulator's decisions, in IAM's words."""
    lines = "".join(case.document() + "\n" for case in cases)
    command = ["node", str(HERE / "simulate.mjs"), str(folder)]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    decisions = result.stdout.splitlines()
    if len(decisions) != len(cases):
        raise RuntimeError(
            f"the simulator decided {len(decisions)} of {len(cases)} cases: {result.stderr[:500]}"
        )
    return decisions


def decide(case: Case, active: Iterable[Difference] = ()) -> str:
    """Return the local cloud's decision, under the simulator's rules of some differences."""
    case = differences.simulated_case(case, active)
    context = {key.lower(): value for key, value in case.context.items()}
    request = AccessRequest(case.action, case.resource, context, PRINCIPALS[case.principal])
    policies = PrincipalPolicies(
        [_policy(document) for document in case.identity],
        _policy(case.boundary) if case.boundary else None,
        [_policy(case.session)] if case.session else None,
        [[_policy(document) for document in level] for level in case.organization],
    )
    resource = None
    if case.resource_policy:
        resource = ResourcePolicy(_policy(case.resource_policy), case.required)
    with differences.simulated_rules(active):
        decision = evaluate(request, policies, resource)
        return differences.simulated_decision(decision, request, policies, active)


def _policy(document: dict[str, Any]) -> Policy:
    return _parse(json.dumps(document))


@lru_cache(maxsize=64)
def _parse(text: str) -> Policy:
    return parse.__wrapped__(text)  # the cache of the running service is not for thousands of policies


def explain(case: Case, simulated: str) -> tuple[Difference, ...] | None:
    """Return the fewest differences under which the local cloud decides as the simulator; None for none."""
    for number in range(1, 4):
        for active in itertools.combinations(DIFFERENCES, number):
            if decide(case, active) == simulated:
                return active
    return None


def compare(number: int, seed: int, folder: Path) -> Comparison:
    """Compare a number of generated cases."""
    generator, found = Generator(seed), Comparison()
    while found.cases < number:
        batch = [generator.case() for _ in range(min(BATCH, number - found.cases))]
        for case, simulated in zip(batch, simulate(batch, folder), strict=True):
            decision = decide(case)
            found.cases += 1
            found.decisions[decision] += 1
            if decision == simulated:
                found.agreed += 1
                continue
            active = explain(case, simulated)
            if active:
                found.explained[active] += 1
            else:
                document = {"local": decision, "simulator": simulated, "case": json.loads(case.document())}
                found.unexplained.append(document)
        print(f"{found.cases} cases, {found.agreed} agree", file=sys.stderr)
    return found


def report(found: Comparison, seed: int) -> dict[str, Any]:
    """Return a comparison as one document."""
    explained = [
        {
            "cases": cases,
            "differences": [
                {"name": item.name, "sentence": item.sentence, "source": item.source} for item in active
            ],
        }
        for active, cases in found.explained.most_common()
    ]
    return {
        "cases": found.cases,
        "seed": seed,
        "agreed": found.agreed,
        "decisions": dict(found.decisions),
        "explained": explained,
        "unexplained": len(found.unexplained),
        "examples": found.unexplained[:10],
    }


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        folder = install()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"The simulator could not be installed: {error}. Install Node 18 with npm.", file=sys.stderr)
        return 1
    found = compare(options.cases, options.seed, folder)
    document = report(found, options.seed)
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        print(f"{found.cases} cases, {found.agreed} agree, {len(found.unexplained)} unexplained")
        for row in document["explained"]:
            print(f"{row['cases']:7}  {'; '.join(item['name'] for item in row['differences'])}")
        for example in document["examples"]:
            print(json.dumps(example))
    return 1 if found.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
