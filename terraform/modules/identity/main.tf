# One role for each workload; its permissions are in the file of the same name.
#
# Nothing here refers to a resource that uses a role: names are passed as strings, so that roles are created
# first and there are no dependency cycles.

locals {
  # CloudWatch Logs checks calls on a group, too, on an ARN that ends in :* (its guide, "Overview of managing access
  # permissions"); without the end it is for tags alone.
  arn = {
    artifacts = "arn:${var.partition}:s3:::${var.buckets.artifacts}"
    data      = "arn:${var.partition}:s3:::${var.buckets.data}"
    log_group = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:"
    ec2       = "arn:${var.partition}:ec2:${var.region}:${var.account_id}"
    sagemaker = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
  }

  # source_account: how the trust policy tests aws:SourceAccount, so that a service assumes the role for this account
  # only. AWS documents that the key is set for training jobs and for inference (SageMaker guide, "Cross-service
  # confused deputy prevention") and for Lambda, but neither for tuning jobs, which have the role of training jobs, nor
  # for notebook instances: there the account is compared where the key is set. EC2 does not set it.
  roles = {
    endpoint = {
      service        = "sagemaker.amazonaws.com"
      source_account = "StringEquals"
      description    = "Serves a release"
      policy         = data.aws_iam_policy_document.endpoint.json
    }
    function = {
      service        = "lambda.amazonaws.com"
      source_account = "StringEquals"
      description    = "Asks the endpoint"
      policy         = data.aws_iam_policy_document.function.json
    }
    notebook = {
      service        = "sagemaker.amazonaws.com"
      source_account = "StringEqualsIfExists"
      description    = "Trains, packages and deploys from a notebook"
      policy         = data.aws_iam_policy_document.notebook.json
    }
    training = {
      service        = "sagemaker.amazonaws.com"
      source_account = "StringEqualsIfExists"
      description    = "Runs training jobs"
      policy         = data.aws_iam_policy_document.training.json
    }
    training_host = {
      service        = "ec2.amazonaws.com"
      source_account = null
      description    = "Trains on the EC2 host"
      policy         = data.aws_iam_policy_document.training_host.json
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    dynamic "condition" {
      for_each = each.value.source_account[*]

      content {
        test     = condition.value
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "${var.name}-${replace(each.key, "_", "-")}-${var.region}"
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = replace(each.key, "_", "-")
  role   = aws_iam_role.this[each.key].id
  policy = each.value.policy

  lifecycle {
    precondition {
      # IAM counts the inline policies of a role without white space.
      condition     = length(replace(each.value.policy, "/\\s/", "")) <= 10240
      error_message = "The policy of the role ${each.key} exceeds the 10240 characters that IAM allows: list fewer notebook.job_instance_types."
    }
  }
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.name}-training-host-${var.region}"
  role = aws_iam_role.this["training_host"].name
}
