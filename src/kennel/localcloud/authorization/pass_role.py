"""``iam:PassRole``: the roles that a call hands to a service of AWS."""

from __future__ import annotations

from kennel.localcloud.authorization.parameter_values import values_at
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store

# (service, operation): the paths of the parameters that hold a role's ARN, and the service that gets it.
SAGEMAKER, LAMBDA, EC2 = "sagemaker.amazonaws.com", "lambda.amazonaws.com", "ec2.amazonaws.com"
PASSED_ROLES: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    **{
        ("sagemaker", operation): (("RoleArn",), SAGEMAKER)
        for operation in (
            "CreateAIBenchmarkJob",
            "CreateAlgorithm",
            "CreateAutoMLJob",
            "CreateAutoMLJobV2",
            "CreateCompilationJob",
            "CreateDataQualityJobDefinition",
            "CreateFeatureGroup",
            "CreateFlowDefinition",
            "CreateInferenceRecommendationsJob",
            "CreateLabelingJob",
            "CreateModelBiasJobDefinition",
            "CreateModelExplainabilityJobDefinition",
            "CreateModelQualityJobDefinition",
            "CreateNotebookInstance",
            "CreatePipeline",
            "CreateProcessingJob",
            "CreateTrainingJob",
            "UpdateNotebookInstance",
            "UpdatePipeline",
        )
    },
    ("sagemaker", "CreateCluster"): (("InstanceGroups.ExecutionRole",), SAGEMAKER),
    ("sagemaker", "CreateDomain"): (("DefaultUserSettings.ExecutionRole",), SAGEMAKER),
    ("sagemaker", "CreateEndpointConfig"): (("ExecutionRoleArn",), SAGEMAKER),
    ("sagemaker", "CreateHyperParameterTuningJob"): (
        ("TrainingJobDefinition.RoleArn", "TrainingJobDefinitions.RoleArn"),
        SAGEMAKER,
    ),
    ("sagemaker", "CreateModel"): (("ExecutionRoleArn",), SAGEMAKER),
    ("sagemaker", "CreateMonitoringSchedule"): (
        ("MonitoringScheduleConfig.MonitoringJobDefinition.RoleArn",),
        SAGEMAKER,
    ),
    ("sagemaker", "CreateUserProfile"): (("UserSettings.ExecutionRole",), SAGEMAKER),
    ("application-autoscaling", "RegisterScalableTarget"): (
        ("RoleARN",),
        "application-autoscaling.amazonaws.com",
    ),
    ("budgets", "CreateBudgetAction"): (("ExecutionRoleArn",), "budgets.amazonaws.com"),
    ("budgets", "UpdateBudgetAction"): (("ExecutionRoleArn",), "budgets.amazonaws.com"),
    ("cloudtrail", "CreateTrail"): (("CloudWatchLogsRoleArn",), "cloudtrail.amazonaws.com"),
    ("cloudtrail", "UpdateTrail"): (("CloudWatchLogsRoleArn",), "cloudtrail.amazonaws.com"),
    ("cloudwatch", "PutMetricStream"): (("RoleArn",), "streams.metrics.cloudwatch.amazonaws.com"),
    ("ec2", "AssociateIamInstanceProfile"): (("IamInstanceProfile",), EC2),
    ("ec2", "CreateFlowLogs"): (("DeliverLogsPermissionArn",), "vpc-flow-logs.amazonaws.com"),
    ("ec2", "ReplaceIamInstanceProfileAssociation"): (("IamInstanceProfile",), EC2),
    ("ec2", "RequestSpotInstances"): (("LaunchSpecification.IamInstanceProfile",), EC2),
    ("ec2", "RunInstances"): (("IamInstanceProfile",), EC2),
    ("ecs", "RegisterTaskDefinition"): (("taskRoleArn", "executionRoleArn"), "ecs-tasks.amazonaws.com"),
    ("ecs", "RunTask"): (
        ("overrides.taskRoleArn", "overrides.executionRoleArn"),
        "ecs-tasks.amazonaws.com",
    ),
    ("events", "PutRule"): (("RoleArn",), "events.amazonaws.com"),
    ("events", "PutTargets"): (("Targets.RoleArn",), "events.amazonaws.com"),
    ("firehose", "CreateDeliveryStream"): (
        ("S3DestinationConfiguration.RoleARN", "ExtendedS3DestinationConfiguration.RoleARN"),
        "firehose.amazonaws.com",
    ),
    ("iam", "AddRoleToInstanceProfile"): (("RoleName",), EC2),
    ("lambda", "CreateFunction"): (("Role",), LAMBDA),
    ("lambda", "UpdateFunctionConfiguration"): (("Role",), LAMBDA),
    ("logs", "PutDestination"): (("roleArn",), "logs.amazonaws.com"),
    ("logs", "PutSubscriptionFilter"): (("roleArn",), "logs.amazonaws.com"),
    ("s3", "PutBucketReplication"): (("ReplicationConfiguration.Role",), "s3.amazonaws.com"),
    ("scheduler", "CreateSchedule"): (("Target.RoleArn",), "scheduler.amazonaws.com"),
    ("scheduler", "UpdateSchedule"): (("Target.RoleArn",), "scheduler.amazonaws.com"),
    ("ssm", "RegisterTaskWithMaintenanceWindow"): (("ServiceRoleArn",), "ssm.amazonaws.com"),
    ("ssm", "SendCommand"): (("ServiceRoleArn",), "ssm.amazonaws.com"),
    ("stepfunctions", "CreateStateMachine"): (("roleArn",), "states.amazonaws.com"),
    ("stepfunctions", "UpdateStateMachine"): (("roleArn",), "states.amazonaws.com"),
}


# Of every operation: a role's ARN below a member of such a name is passed to the called service.
ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/.+")
ROLE_MEMBER = re.compile(r".*(role|rolearn)", re.IGNORECASE)
# Members whose own members have names that the caller chooses, and that mean nothing to AWS.
FREE_NAMES = re.compile(
    r"environment\w*|variables|hyperparameters|\w*parameters|metadata|tags|\w*arguments|input", re.IGNORECASE
)
CHANGING = re.compile(
    r"(Add|Associate|Create|Import|Modify|Put|Register|Replace|Request|Run|Send|Start|Update)"
)
PRINCIPALS = {"stepfunctions": "states"}  # where the service's principal has another name than botocore's
# Services whose operations name roles to act on, or as, and pass them to nobody.
NAME_ROLES_ONLY = {"iam", "sts", "organizations", "accessanalyzer", "kms", "secretsmanager"}


def pass_role_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the ``iam:PassRole`` that a call requires for each role that it passes."""
    paths, service = PASSED_ROLES.get((request.service, request.operation), ((), ""))
    values = (value for path in paths for value in values_at(request.parameters, path.split(".")))
    arns = dict.fromkeys(_role_arn(request, value) for value in values)
    return [RequiredPermission("iam:PassRole", arn, {"iam:passedtoservice": service}) for arn in arns if arn]


def _role_arn(request: ApiRequest, value: object) -> str:
    """Return the ARN of a role given by ARN, by name, or by its instance profile; empty if there is none."""
    if isinstance(value, str) and (not value or value.startswith("arn:")):
        return value
    if isinstance(value, str):
        role = policy_store.role_named(value)
        return role.arn if role else f"arn:aws:iam::{request.account}:role/{value}"
    if isinstance(value, dict):  # an instance profile, by name or ARN, holds at most one role
        role = policy_store.role_of_instance_profile(value.get("Name"), value.get("Arn"))
        return role.arn if role else ""
    return ""
