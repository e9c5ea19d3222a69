# One role for each workload; its permissions are in the file of the same name.
#
# Nothing here refers to a resource that uses a role: names are passed as strings, so that roles are created
# first and there are no dependency cycles.

locals {
  arn = {
    artifacts = "arn:${var.partition}:s3:::${var.buckets.artifacts}"
    data      = "arn:${var.partition}:s3:::${var.buckets.data}"
    log_group = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:"
    ec2       = "arn:${var.partition}:ec2:${var.region}:${var.account_id}"
    sagemaker = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
  }

  roles = {
    endpoint = {
      service     = "sagemaker.amazonaws.com"
      description = "Serves a release"
      policy      = data.aws_iam_policy_document.endpoint.json
    }
    function = {
      service     = "lambda.amazonaws.com"
      description = "Asks the endpoint"
      policy      = data.aws_iam_policy_document.function.json
    }
    notebook = {
      service     = "sagemaker.amazonaws.com"
      description = "Trains, packages and deploys from a notebook"
      policy      = data.aws_iam_policy_document.notebook.json
    }
    training = {
      service     = "sagemaker.amazonaws.com"
      description = "Runs training jobs"
      policy      = data.aws_iam_policy_document.training.json
    }
    training_host = {
      service     = "ec2.amazonaws.com"
      description = "Trains on the EC2 host"
      policy      = data.aws_iam_policy_document.training_host.json
    }
  }

  # EC2 does not set aws:SourceAccount when it assumes an instance's role, so this condition would deny it.
  # The other services set it.
  vouching_services = ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]
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
      for_each = contains(local.vouching_services, each.value.service) ? [var.account_id] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "${var.name}-${replace(each.key, "_", "-")}"
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = replace(each.key, "_", "-")
  role   = aws_iam_role.this[each.key].id
  policy = each.value.policy
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.name}-training-host"
  role = aws_iam_role.this["training_host"].name
}
