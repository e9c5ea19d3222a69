"""The access proof on a role with three statements, and a log of its calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError
from kennel.audit.access import analysis, exceptions, recorded, roles, summary, tightest
from kennel.audit.access.exceptions import AccessException
from kennel.audit.access.grants import documents_without, grants_of
from kennel.audit.access.roles import Role, RolePolicy
from kennel.localcloud import redecision
from kennel.report import access_page

BUCKET = "arn:aws:s3:::photos"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
STATEMENTS: list[dict[str, Any]] = [
    {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectTagging"],
        "Resource": [f"{BUCKET}/a/*", f"{BUCKET}/b/*"],
    },
    {
        "Sid": "Decrypt",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": KEY,
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    },
    {"Sid": "ReadAgain", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/b/*"},
]
VIA_S3 = {"kms:viaservice": "s3.us-east-1.amazonaws.com"}


def role(*statements: dict[str, Any]) -> Role:
    document = {"Version": "2012-10-17", "Statement": list(statements or STATEMENTS)}
    return Role("kennel-local-worker-us-east-1", "worker", "kennel-local", (RolePolicy("own", document),))


def entry(action: str, resource: str, decision: str = "allow", **more: Any) -> dict[str, Any]:
    """Return an entry of the local cloud's audit log."""
    reason = (
        "allowed by inline policy own" if decision == "allow" else "because no identity-based policy allows"
    )
    return {
        "time": "2026-01-01T00:00:00.000+00:00",
        "principal": "arn:aws:sts::123456789012:assumed-role/kennel-local-worker-us-east-1/session",
        "action": action,
        "resource": resource,
        "decision": decision,
        "reason": reason,
        "status": 200,
        "context": {},
        **more,
    }


def log(path: Path, *entries: dict[str, Any]) -> recorded.Recording:
    """Write an audit log and read it."""
    path.write_text("".join(json.dumps(item) + "\n" for item in entries))
    return recorded.of_audit_log(path)


def analysed(
    recording: recorded.Recording,
    *exceptions: AccessException,
    of: Role | None = None,
    strict: bool = False,
) -> analysis.Access:
    return analysis.analyse(recording, [of or role()], exceptions, redecision.allows, strict=strict)


READ_A = entry("s3:GetObject", f"{BUCKET}/a/1.jpg")
READ_B = entry("s3:GetObject", f"{BUCKET}/b/1.jpg")
DECRYPT = entry("kms:Decrypt", KEY, context=VIA_S3)


def kinds(access: analysis.Access) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.action, finding.resource) for finding in access.findings]


def excepted(*actions: str, resources: tuple[str, ...] = ("*",), **more: str) -> AccessException:
    kind = more.pop("kind", "grant")
    return AccessException(kind, ("worker",), actions, resources, "AWS requires it of its callers", **more)


TAGGING = excepted("s3:GetObjectTagging")
READ_AGAIN = excepted("s3:GetObject", resources=(f"{BUCKET}/b/*",))


def test_each_action_on_each_resource_is_a_grant() -> None:
    assert [(grant.sid, grant.action, grant.resource) for grant in grants_of(role())] == [
        ("Read", "s3:GetObject", f"{BUCKET}/a/*"),
        ("Read", "s3:GetObject", f"{BUCKET}/b/*"),
        ("Read", "s3:GetObjectTagging", f"{BUCKET}/a/*"),
        ("Read", "s3:GetObjectTagging", f"{BUCKET}/b/*"),
        ("Decrypt", "kms:Decrypt", KEY),
        ("ReadAgain", "s3:GetObject", f"{BUCKET}/b/*"),
    ]


def test_a_policy_without_a_grant_allows_all_others() -> None:
    every = [(action, f"{BUCKET}/{prefix}/x") for action in STATEMENTS[0]["Action"] for prefix in "ab"]
    worker = role(STATEMENTS[0])
    for grant in grants_of(worker):
        documents = documents_without(worker, grant)
        allowed = [call for call in every if redecision.allows(documents, *call, {})]
        assert set(every) - set(allowed) == {(grant.action, grant.resource.replace("*", "x"))}


def test_a_denied_call_an_unused_and_a_redundant_grant_are_findings(tmp_path: Path) -> None:
    denial = entry("s3:PutObject", f"{BUCKET}/a/1.jpg", "deny")
    access = analysed(log(tmp_path / "log", READ_A, READ_B, DECRYPT, DECRYPT, denial))

    assert not access.ok
    assert kinds(access) == [
        ("denied", "s3:PutObject", f"{BUCKET}/a/1.jpg"),
        ("redundant", "s3:GetObject", f"{BUCKET}/b/*"),
        ("unused", "s3:GetObjectTagging", f"{BUCKET}/a/*"),
        ("unused", "s3:GetObjectTagging", f"{BUCKET}/b/*"),
        ("redundant", "s3:GetObject", f"{BUCKET}/b/*"),
    ]
    document = summary.as_dict(access)
    (worker,) = document["roles"]
    assert (worker["calls"], worker["denied"], worker["grants"], worker["used"]) == (5, 1, 6, 4)
    assert document["mutation"] == {
        "grants": 6,
        "needed": 2,
        "excepted": 0,
        "unexplained": 4,
        "percent": 33.3,
    }
    decrypt = {"action": "kms:Decrypt", "resource": KEY, "allowed": 2, "denied": 0}
    assert decrypt in worker["called"]
    wider = {row["resource"]: row["resources"] for row in worker["wider"]}
    assert wider == {f"{BUCKET}/{name}/*": [f"{BUCKET}/{name}/1.jpg"] for name in "ab"}


def test_exceptions_with_a_reason_make_it_clean(tmp_path: Path) -> None:
    calls = log(tmp_path / "log", READ_A, READ_B, DECRYPT)
    access = analysed(calls, TAGGING, READ_AGAIN)

    assert access.ok
    assert summary.as_dict(access)["mutation"]["percent"] == 100


def test_an_exception_that_excuses_nothing_is_a_finding(tmp_path: Path) -> None:
    calls = log(tmp_path / "log", READ_A, READ_B, DECRYPT)
    used, missing = excepted("kms:Decrypt"), excepted("s3:GetObjectAcl", used_by="tune")
    access = analysed(calls, TAGGING, READ_AGAIN, used, missing, excepted("s3:*", kind="denied"))

    assert kinds(access) == [
        ("stale", "kms:Decrypt", "*"),
        ("stale", "s3:GetObjectAcl", "*"),
        ("stale", "s3:*", "*"),
    ]


def test_what_is_used_at_times_may_be_used_or_not_and_must_be_when_all_has_happened(tmp_path: Path) -> None:
    at_times = excepted("kms:Decrypt", used_by="ec2.train")
    without = log(tmp_path / "without", READ_A, READ_B)
    with_it = log(tmp_path / "with", READ_A, READ_B, DECRYPT)

    assert analysed(without, TAGGING, READ_AGAIN, at_times).ok
    assert analysed(with_it, TAGGING, READ_AGAIN, at_times).ok
    strict = analysed(without, TAGGING, READ_AGAIN, at_times, strict=True)
    assert kinds(strict) == [("unused", "kms:Decrypt", KEY)]


def test_a_denial_that_something_brings_may_be_there_or_not(tmp_path: Path) -> None:
    brought = excepted("s3:ListAllMyBuckets", kind="denied", used_by="the notebook")
    listing = entry("s3:ListAllMyBuckets", "*", "deny")
    usual = [READ_A, READ_B, DECRYPT]

    assert analysed(log(tmp_path / "with", *usual, listing), TAGGING, READ_AGAIN, brought).ok
    assert analysed(log(tmp_path / "without", *usual), TAGGING, READ_AGAIN, brought, strict=True).ok


def test_a_call_outside_its_grant_s_condition_does_not_use_it(tmp_path: Path) -> None:
    worker = role(STATEMENTS[1])
    by_key_policy = {**DECRYPT, "reason": "the resource's policy allows it"}
    assert kinds(analysed(log(tmp_path / "key", by_key_policy), of=worker)) == [
        ("unused", "kms:Decrypt", KEY)
    ]
    elsewhere = {**DECRYPT, "context": {"kms:viaservice": "sqs.us-east-1.amazonaws.com"}}
    assert kinds(analysed(log(tmp_path / "other", elsewhere), of=worker)) == [
        ("lost", "kms:Decrypt", KEY),
        ("unused", "kms:Decrypt", KEY),
    ]


@pytest.mark.parametrize(
    ("later", "findings"),
    [
        pytest.param({}, ["denied"], id="denied only"),
        pytest.param({"time": "2026-01-02"}, [], id="allowed later"),
        pytest.param({"time": "2025-01-01"}, ["denied"], id="allowed before"),
    ],
)
def test_a_denial_counts_unless_the_call_was_allowed_later(
    tmp_path: Path, later: dict[str, str], findings: list[str]
) -> None:
    by_resource = {"reason": "with an explicit deny in a resource-based policy"}
    entries = [entry("kms:Decrypt", KEY, "deny", **by_resource)]
    entries += [{**DECRYPT, **later}] if later else []
    access = analysed(log(tmp_path / "log", *entries), of=role(STATEMENTS[1]))
    assert [finding.kind for finding in access.findings if finding.kind != "unused"] == findings


def test_a_denial_that_the_present_policies_would_allow_is_corrected(tmp_path: Path) -> None:
    calls = log(tmp_path / "log", entry("s3:GetObject", f"{BUCKET}/a/1.jpg", "deny"))
    assert "denied" not in [finding.kind for finding in analysed(calls).findings]


def test_what_others_called_and_what_was_refused_unchecked_are_no_calls(tmp_path: Path) -> None:
    operator = {**READ_A, "principal": "arn:aws:iam::1:user/kennel-operator", "decision": "unrestricted"}
    expired = entry("s3:?", "*", "deny", reason="refused: ExpiredToken: …")
    assert log(tmp_path / "log", operator, expired).counts == {}


def test_the_tightest_policy_allows_the_calls_and_what_has_a_reason(tmp_path: Path) -> None:
    many = [entry("s3:GetObject", f"{BUCKET}/a/photo-{number}.jpg") for number in range(20)]
    access = analysed(log(tmp_path / "log", *many, READ_B, DECRYPT), TAGGING)
    (worker,) = access.roles

    (document,) = tightest.tightest(worker)

    assert document["Statement"] == [
        {
            **STATEMENTS[0],
            "Action": "s3:GetObject",
            "Resource": [f"{BUCKET}/a/photo-*", f"{BUCKET}/b/1.jpg"],
        },
        {**STATEMENTS[0], "Sid": "Read2", "Action": "s3:GetObjectTagging"},
        STATEMENTS[1],
    ]
    written = tightest.write(tmp_path / "policies", access, redecision.allows)
    assert [path.name for path in written] == ["worker.own.present.json", "worker.own.tightest.json"]
    assert json.loads(written[0].read_text()) == role().policies[0].document


def test_a_pattern_of_actions_becomes_the_actions_that_were_called(tmp_path: Path) -> None:
    broad = role({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    access = analysed(log(tmp_path / "log", READ_A), of=broad)

    assert access.ok, "it is used"
    assert [row["actions"] for row in summary.as_dict(access)["roles"][0]["wider"]] == [["s3:GetObject"]]
    (document,) = tightest.tightest(access.roles[0])
    assert document["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/a/1.jpg"}
    ]


def test_denials_of_a_policy_are_no_grants_and_stay(tmp_path: Path) -> None:
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{BUCKET}/a/2*"}
    worker = role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, deny)
    access = analysed(log(tmp_path / "log", READ_A), of=worker)
    assert access.ok
    assert tightest.tightest(access.roles[0])[0] == worker.policies[0].document


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[grant]\n", "cannot be read"),
        ("[[grants]]\n", "write \\[\\[grant"),
        ('[[grant]]\nroles = ["r"]\n', "give lists of"),
        ('[[grant]]\nroles = ["r"]\nactions = ["x:Y"]\nreason = "short"\n', "at least 20 characters"),
        ('[[grant]]\nroles = ["r"]\nactions = ["x:Y"]\nwhy = "it is needed on AWS"\n', "has why: use"),
    ],
)
def test_an_exception_without_a_reason_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text(text)
    with pytest.raises(AuditError, match=message):
        exceptions.read(path)


def test_roles_are_read_as_iam_and_its_command_line_return_them(tmp_path: Path) -> None:
    arn = "arn:aws:iam::123456789012:policy/shared"
    document = {"Version": "2012-10-17", "Statement": STATEMENTS}
    details = {
        "RoleDetailList": [
            {
                "RoleName": "kennel-dev-training-host-eu-central-1",
                "Path": "/",
                "Tags": [{"Key": "Stack", "Value": "kennel-dev"}],
                "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": document}],
                "AttachedManagedPolicies": [{"PolicyName": "shared", "PolicyArn": arn}],
            },
            {"RoleName": "AWSServiceRoleForX", "Path": "/aws-service-role/x.amazonaws.com/"},
            {"RoleName": "of-others", "Path": "/"},
        ],
        "Policies": [
            {
                "Arn": arn,
                "PolicyVersionList": [
                    {"IsDefaultVersion": False, "Document": {}},
                    {"IsDefaultVersion": True, "Document": "%7B%22Statement%22%3A%5B%5D%7D"},
                ],
            }
        ],
    }
    path = tmp_path / "roles.json"
    roles.save(path, details)

    others, host = sorted(roles.read(roles.load(path)), key=lambda read: read.key, reverse=False)

    assert others.key == "of-others"
    assert (host.key, host.stack) == ("training-host", "kennel-dev")
    assert [policy.document for policy in host.policies] == [document, {"Statement": []}]
    assert roles.read(details, "kennel-dev") == [host]
    with pytest.raises(AuditError, match="no role has the tag Stack=kennel-prod"):
        roles.read(details, "kennel-prod")
    with pytest.raises(AuditError, match="holds no roles"):
        roles.load(tmp_path / "none")


def test_a_narrowed_policy_that_would_deny_a_call_is_not_written(tmp_path: Path) -> None:
    access = analysed(log(tmp_path / "log", READ_A))
    with pytest.raises(AuditError, match="would deny what was allowed: worker: lost: s3:GetObject"):
        tightest.write(tmp_path / "policies", access, lambda documents, *call: "aX" in documents[0])
    assert list((tmp_path / "policies").iterdir()) == []


def test_the_page_shows_the_findings_the_reasons_and_what_was_wider(tmp_path: Path) -> None:
    access = analysed(log(tmp_path / "log", READ_A, DECRYPT), TAGGING)
    page = access_page.write(tmp_path / "access.html", summary.as_dict(access)).read_text()

    assert "2 findings" in page
    assert page.count("No reason") == 1
    assert TAGGING.reason in page
    assert f"<code>{BUCKET}/a/1.jpg</code>" in page
