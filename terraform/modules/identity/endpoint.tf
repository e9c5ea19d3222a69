# The endpoint: reads releases, pulls its image, writes logs. No write access to buckets, no network. A trial endpoint
# of the notebook has the same role, and serves a candidate; so has the endpoint of a deployment's proof.

data "aws_iam_policy_document" "endpoint" {
  statement {
    sid       = "ReadReleases"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn.artifacts}/candidates/*", "${local.arn.artifacts}/releases/*"]
  }

  statement {
    sid       = "DecryptReleases"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]
  }

  # CreateLogGroup, because the notebook's trial endpoints have their own log groups.
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
    ]
    resources = [
      "${local.arn.log_group}${var.log_groups.endpoint}:*",
      "${local.arn.log_group}${var.log_groups.proof}:*",
      "${local.arn.log_group}/aws/sagemaker/Endpoints/${local.trial_prefix}*",
    ]
  }

  # CloudWatch has no resource types for metrics; only the namespace can be restricted.
  statement {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/Endpoints"]
    }
  }

  # SageMaker watches the alarms of a deployment with this role (SageMaker guide, "Auto-Rollback Configuration and
  # Monitoring"). The alarms exist only while there is an endpoint, so they are named by their prefix.
  statement {
    sid       = "WatchRollbackAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["arn:${var.partition}:cloudwatch:${var.region}:${var.account_id}:alarm:${var.name}-endpoint-*"]
  }

  # The token is for the whole registry; AWS has no narrower resource.
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = var.image_repository_arns.inference
  }
}
