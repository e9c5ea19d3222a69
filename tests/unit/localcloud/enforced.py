"""What docs/iam.md says of each service: the operations answered, and what their calls are checked on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kennel.localcloud.authorization import resource_types
from kennel.localcloud.authorization.action_names import PREFIXES

from .answered_operations import AWS, Checked, answered, condition_keys, services, survey

# The services of the stack and of its users: each has a part of its own.
OF_THE_STACK = (
    "application-autoscaling",
    "budgets",
    "cloudtrail",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "s3control",
    "sagemaker",
    "sagemaker-metrics",
    "sagemaker-runtime",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
# Operations that are checked on * although AWS has a resource type, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    **{
        ("cloudwatch", name): "its type is the dataset, which the local cloud does not have"
        for name in ("GetMetricData", "ListMetrics", "PutMetricData")
    },
    **{
        ("ec2", name): "named by the id of an association"
        for name in ("DisassociateAddress", "DisassociateRouteTable", "DisassociateVpcCidrBlock")
    },
    ("sagemaker", "ListModelPackages"): "names a group at most, and the type is the package",
    ("elasticbeanstalk", "ListAvailableSolutionStacks"): "lists all of its type",
    ("elbv2", "CreateLoadBalancer"): "its type depends on the kind of load balancer",
    **{
        ("glue", name): "a schema's version is named by its own id"
        for name in ("GetSchemaVersion", "PutSchemaVersionMetadata")
    },
    ("rds", "DescribeExportTasks"): "names the export, and the type is the source",
    ("rds", "StartExportTask"): "the kind of the source is in its ARN only",
    ("route53", "ListTagsForResources"): "AWS's types are of the tags of one resource",
    ("route53resolver", "GetResolverRuleAssociation"): "named by the id of an association",
    ("transfer", "CreateConnector"): "its type is the connector, whose id is made by the call",
}
GLOBAL = re.compile(r"aws:", re.IGNORECASE)


def section() -> str:
    """Return the generated part of the page."""
    others = [name for name in services() if name not in OF_THE_STACK]
    parts = [_totals(), _keys_of_every_call(), *(_part(name) for name in OF_THE_STACK), _others(others)]
    return "\n".join(parts)


def _totals() -> str:
    checked = [item for name in services() for item in survey(name)]
    on_types = sum(1 for item in checked if item.types and not item.on_everything)
    partly = sum(
        1
        for item in checked
        if item.types and all("*" in arn.split(":", 5)[-1] for arn in item.resources if arn != "*")
    ) - len(EXCEPTIONS)
    lines = [
        ("operations answered, of all services", sum(len(answered(name)) for name in services())),
        ("of these, checked on ARNs of AWS's resource types", on_types),
        ("of these, with a `*` in the name: it is made by the call, or the call does not say it", partly),
        ("checked on `*`: AWS has no resource type", sum(1 for item in checked if not item.types)),
        ("checked on `*` although AWS has a resource type, each with its reason below", len(EXCEPTIONS)),
    ]
    return _table(("", "number"), [(text, str(number)) for text, number in lines])


def _keys_of_every_call() -> str:
    keys = sorted(key for key in condition_keys("sts") if GLOBAL.match(key) and "/" not in key)
    return f"Every call has these condition keys, where it has a value for them: {_code(keys)}.\n"


def _part(service: str) -> str:
    items, prefix = survey(service), PREFIXES.get(service, service)
    types = sorted({kind for item in items for kind in _types(item, prefix)})
    lines = [
        f"### {service}\n",
        f"{len(answered(service))} operations answered, "
        f"{sum(1 for item in items if item.types and not item.on_everything)} on ARNs of "
        f"{len(types)} resource type{'s' * (len(types) != 1)}{': ' * bool(types)}{_code(types)}.\n",
    ]
    if keys := _own_keys(service, prefix):
        lines.append(f"Condition keys: {_code(keys)}.\n")
    if dependent := _dependent(items):
        lines.append(_table(("operation", "also requires"), dependent))
    exceptions = [(f"`{name}`", why) for (of, name), why in EXCEPTIONS.items() if of == service]
    if exceptions:
        lines.append(_table(("on `*`", "because"), exceptions))
    if without := [item.operation for item in items if not item.types]:
        lines.append(_details(f"{len(without)} on `*`, because AWS has no resource type for them", without))
    free = sorted(set(answered(service)) - {item.operation for item in items})
    if free:
        lines.append(f"Without a permission, as on AWS: {_code(free)}.\n")
    return "\n".join(lines)


def _types(item: Checked, prefix: str) -> list[str]:
    """Return the resource types that an operation is checked on, of those that AWS has for it."""
    templates = resource_types.arn_templates(prefix)
    return [kind for kind in item.types if any(_is_of(arn, templates[kind]) for arn in item.resources)]


def _is_of(arn: str, template: str) -> bool:
    parts = resource_types.VARIABLE.split(template)[::2]
    return re.fullmatch(".*".join(re.escape(part) for part in parts), arn) is not None


def _own_keys(service: str, prefix: str) -> list[str]:
    """Return the condition keys that a service's calls have, in AWS's spelling."""
    spelled = {_shape_of(key): key for key in AWS[prefix]["keys"]}
    keys = {_shape_of(key) for key in condition_keys(service)}
    return sorted(spelled[key] for key in keys if key in spelled)


def _shape_of(key: str) -> str:
    """Return a key in lower case, without the part that a request fills in."""
    key = key.lower()
    if key.startswith("kms:encryptioncontext:"):
        return "kms:encryptioncontext:"
    return re.sub(r"/.*", "/", re.sub(r"\$\{.*", "", key))


def _dependent(items: Iterable[Checked]) -> list[tuple[str, str]]:
    rows = []
    for item in items:
        names = {permission.action for permission in item.permissions} - {item.action}
        if names:
            rows.append((f"`{item.operation}`", _code(sorted(names))))
    return rows


def _others(names: Sequence[str]) -> str:
    rows = []
    for name in names:
        items = survey(name)
        on_types = sum(1 for item in items if item.types and not item.on_everything)
        excepted = [f"`{operation}`: {why}" for (of, operation), why in EXCEPTIONS.items() if of == name]
        without = sum(1 for item in items if not item.types)
        rows.append((name, str(len(answered(name))), str(on_types), str(without), "; ".join(excepted)))
    columns = ("service", "answered", "on ARNs", "on `*`: AWS has no type", "on `*`, excepted")
    return "### Other services, which moto answers\n\n" + _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _details(summary: str, names: Iterable[str]) -> str:
    return f"<details><summary>{summary}</summary>\n\n{_code(sorted(names))}\n\n</details>\n"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
