"""What the services do whose operations moto answers, all or nearly all, in words for the documentation."""

from __future__ import annotations

from kennel.localcloud.dispatch.coverage import describe

ACTS = {
    "application-autoscaling": "endpoint variants and provisioned concurrency scale, see [Scaling](#scaling)",
    "budgets": "tags of budgets",
    "cloudwatch": "metrics, alarms and what they do, see [CloudWatch](#cloudwatch)",
    "dynamodb": (
        "tables, items, queries, transactions, streams, on moto's tables in memory; tables are ready, or "
        "gone, at once, and answers have the statuses of what begins"
    ),
    "ec2": (
        "start, stop and termination of instances, each with its Systems Manager agent; addresses of AMIs; "
        "`CPUUtilization` of what commands use; nothing is printed on consoles, as user data is not run"
    ),
    "firehose": "records to streams with an S3 destination become objects",
    "iam": "every policy, role, user and boundary takes part in the decision on each call",
    "kinesis": "records are put and read by shard",
    "kms": "encryption, signatures, grants and key policies, with keys that moto makes",
    "logs": "log groups and events of workloads, filter patterns, metric filters, queries of Logs Insights",
    "organizations": "service control policies take part in the decision on each call",
    "sagemaker": (
        "training, tuning, processing and transform jobs, endpoints, the model registry, as above; no "
        "scripts of notebook instances"
    ),
    "sagemaker-runtime": (
        "requests reach the model servers, at once or from an asynchronous endpoint's queue; the parts of a "
        "response stream are sent as the model gives them"
    ),
    "secretsmanager": (
        "secrets and their versions are kept and returned; functions rotate them, in AWS's four steps, at "
        "once and by the rules"
    ),
    "sns": (
        "messages to subscribed queues and functions, as their policies let SNS, and to HTTP addresses that "
        "confirmed with the token sent to them, or by its link, again after failures by SNS's default policy "
        "(no other `DeliveryPolicy` counts, no message tells of an `Unsubscribe`), with filter policies and "
        "subscriptions' dead-letter queues; what is not delivered is in the service's log; "
        "subscriptions by mail stay pending: none is sent"
    ),
    "sqs": (
        "messages; visibility, delays and retention by the cloud's clock; FIFO order; dead-letter queues, as "
        "their redrive allow policies let them; depths are metrics"
    ),
    "ssm": "parameters; Run Command runs shell scripts under the agents of instances",
    "sts": "sessions of roles, users and web identities, checked on each call",
}
for name, acts in ACTS.items():
    describe(name, acts)
# moto's answers to S3's operations are found by path, not by name: they cannot be listed from its code.
describe(
    "s3",
    "objects, versions, uploads in parts, copies, conditions, tags, locks, encryption settings, customers' "
    "keys (SSE-C), policies, "
    "access control lists, blocks of public access, ownership, checksums, CORS for what reaches objects, "
    "presigned addresses and forms, notifications to functions, queues, topics and EventBridge, server "
    "access logs each minute, websites, replication, lifecycle rules at each midnight of the clock",
    "inventories, analytics, tiering, acceleration and what else has no effect on objects",
)
