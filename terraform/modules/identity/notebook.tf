# The notebook: starts jobs with the training role, deploys trial endpoints, invokes the deployed endpoint.

locals {
  # Names of what the notebook may deploy: it cannot replace what Terraform deployed.
  trial_prefix = "${var.name}-trial-"

  jobs = [
    "${local.arn.sagemaker}:hyper-parameter-tuning-job/${var.name}-*",
    "${local.arn.sagemaker}:training-job/${var.name}-*",
  ]
  trials = [
    for kind in ["endpoint", "endpoint-config", "model"] : "${local.arn.sagemaker}:${kind}/${local.trial_prefix}*"
  ]
}

data "aws_iam_policy_document" "notebook" {
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = [local.arn.artifacts, local.arn.data]
  }

  statement {
    sid     = "Read"
    actions = ["s3:GetObject"]
    resources = [
      "${local.arn.artifacts}/releases/*",
      "${local.arn.artifacts}/source/*",
      "${local.arn.artifacts}/training/*",
      "${local.arn.artifacts}/tuning/*",
      "${local.arn.data}/datasets/*",
      "${local.arn.data}/pretrained/*",
    ]
  }

  statement {
    sid     = "UploadCodeAndResults"
    actions = ["s3:PutObject"]
    resources = [
      "${local.arn.artifacts}/releases/*",
      "${local.arn.artifacts}/source/*",
      "${local.arn.artifacts}/tuning/*",
    ]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]
  }

  statement {
    sid = "RunJobs"
    actions = [
      "sagemaker:AddTags",
      "sagemaker:CreateHyperParameterTuningJob",
      "sagemaker:CreateTrainingJob",
      "sagemaker:DescribeHyperParameterTuningJob",
      "sagemaker:DescribeTrainingJob",
      "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
      "sagemaker:StopHyperParameterTuningJob",
      "sagemaker:StopTrainingJob",
    ]
    resources = local.jobs
  }

  statement {
    sid = "TryReleases"
    actions = [
      "sagemaker:AddTags",
      "sagemaker:CreateEndpoint",
      "sagemaker:CreateEndpointConfig",
      "sagemaker:CreateModel",
      "sagemaker:DeleteEndpoint",
      "sagemaker:DeleteEndpointConfig",
      "sagemaker:DeleteModel",
      "sagemaker:DescribeEndpoint",
      "sagemaker:DescribeEndpointConfig",
      "sagemaker:DescribeModel",
    ]
    resources = local.trials
  }

  statement {
    sid     = "AskEndpoints"
    actions = ["sagemaker:InvokeEndpoint"]
    resources = [
      "${local.arn.sagemaker}:endpoint/${var.endpoint_name}",
      "${local.arn.sagemaker}:endpoint/${local.trial_prefix}*",
    ]
  }

  statement {
    sid       = "HandOverRoles"
    actions   = ["iam:PassRole"]
    resources = [for role in ["endpoint", "training"] : "arn:${var.partition}:iam::${var.account_id}:role/${var.name}-${role}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.training}", "${local.arn.log_group}${var.log_groups.training}:*"]
  }

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.notebook}", "${local.arn.log_group}${var.log_groups.notebook}:*"]
  }

  statement {
    sid       = "StopItself"
    actions   = ["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"]
    resources = ["${local.arn.sagemaker}:notebook-instance/${var.notebook_name}"]
  }
}
