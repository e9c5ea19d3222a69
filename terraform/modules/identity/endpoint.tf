# An endpoint: reads releases, pulls its image, logs. It never writes to a bucket and has no network.

data "aws_iam_policy_document" "endpoint" {
  statement {
    sid       = "ReadReleases"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn.artifacts}/releases/*"]
  }

  statement {
    sid       = "DecryptReleases"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]
  }

  # The notebook's trial endpoints have log groups of their own, hence the group may be created.
  statement {
    sid = "WriteLogs"
    actions = [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
    ]
    resources = [
      "${local.arn.log_group}${var.log_groups.endpoint}",
      "${local.arn.log_group}${var.log_groups.endpoint}:*",
      "${local.arn.log_group}/aws/sagemaker/Endpoints/${local.trial_prefix}*",
    ]
  }

  # CloudWatch knows no resources for metrics; the namespace is the only fence.
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

  # The token is for the whole registry; AWS offers no narrower resource.
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.image_repository_arns.inference]
  }
}
