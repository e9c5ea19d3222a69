# The notebook: starts jobs with the training role, deploys trial endpoints, invokes the deployed endpoint.

locals {
  # Names of what the notebook may deploy: it cannot replace what Terraform deployed.
  trial_prefix = "${var.name}-trial-"

  jobs = {
    for kind in ["hyper-parameter-tuning-job", "training-job"] : kind => "${local.arn.sagemaker}:${kind}/${var.name}-*"
  }
  trials = {
    for kind in ["endpoint", "endpoint-config", "model"] : kind => "${local.arn.sagemaker}:${kind}/${local.trial_prefix}*"
  }

  # Which instance types go with which condition key for the KMS key of their volumes. A statement allows what meets
  # all its conditions, so each row is a statement of its own. The Service Authorization Reference calls the key
  # VolumeKmsKeyArn and VolumeKmsKey deprecated, the SageMaker guide's examples have VolumeKmsKey: either is accepted.
  # SageMaker takes no key for types with local disks.
  volume_rules = {
    for rule, setting in {
      WithKey           = { instance_types = var.job_instance_types.without_local_disk, key_condition = "sagemaker:VolumeKmsKeyArn" }
      WithKeyFormerName = { instance_types = var.job_instance_types.without_local_disk, key_condition = "sagemaker:VolumeKmsKey" }
      WithLocalDisk     = { instance_types = var.job_instance_types.with_local_disk, key_condition = null }
    } : rule => setting if length(setting.instance_types) > 0
  }
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
      "${local.arn.artifacts}/candidates/*",
      "${local.arn.artifacts}/${var.notebook_prefix}*",
      "${local.arn.artifacts}/releases/*",
      "${local.arn.artifacts}/source/*",
      "${local.arn.artifacts}/training/*",
      "${local.arn.data}/datasets/*",
      "${local.arn.data}/pretrained/*",
    ]
  }

  # Neither releases/, which the endpoint serves, nor source/, which the training host runs.
  statement {
    sid       = "UploadCodeAndCandidates"
    actions   = ["s3:PutObject"]
    resources = ["${local.arn.artifacts}/candidates/*", "${local.arn.artifacts}/${var.notebook_prefix}*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]
  }

  # A trial endpoint's volumes are encrypted through a grant that the creator of the endpoint gives.
  statement {
    sid       = "EncryptVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  # Jobs run in the stack's network, on types that it allows, with volumes under its key, and have the tag by which the
  # budget counts. Conditions of lists hold for every member; an empty list would pass, so it is refused by Null.
  dynamic "statement" {
    for_each = local.volume_rules

    content {
      sid       = "RunJobs${statement.key}"
      actions   = ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateTrainingJob"]
      resources = values(local.jobs)

      dynamic "condition" {
        for_each = {
          "sagemaker:InstanceTypes"       = statement.value.instance_types
          "sagemaker:VpcSecurityGroupIds" = var.network.security_group_ids
          "sagemaker:VpcSubnets"          = var.network.subnet_ids
        }

        content {
          test     = "ForAllValues:StringEquals"
          variable = condition.key
          values   = condition.value
        }
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Stack"
        values   = [var.name]
      }

      dynamic "condition" {
        for_each = toset(["sagemaker:InstanceTypes", "sagemaker:VpcSecurityGroupIds", "sagemaker:VpcSubnets"])

        content {
          test     = "Null"
          variable = condition.key
          values   = ["false"]
        }
      }

      dynamic "condition" {
        for_each = statement.value.key_condition[*]

        content {
          test     = "ArnEquals"
          variable = condition.value
          values   = [var.key_arn]
        }
      }
    }
  }

  # A job that is created with tags requires it (Service Authorization Reference, CreateTrainingJob).
  statement {
    sid       = "TagJobs"
    actions   = ["sagemaker:AddTags"]
    resources = values(local.jobs)

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Stack"
      values   = [var.name]
    }
  }

  statement {
    sid       = "FollowTrainings"
    actions   = ["sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"]
    resources = [local.jobs.training-job]
  }

  statement {
    sid = "FollowTunings"
    actions = [
      "sagemaker:DescribeHyperParameterTuningJob",
      "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
      "sagemaker:StopHyperParameterTuningJob",
    ]
    resources = [local.jobs.hyper-parameter-tuning-job]
  }

  # Without a network, the model cannot use the role that it runs with.
  statement {
    sid       = "CreateTrialModels"
    actions   = ["sagemaker:CreateModel"]
    resources = [local.trials.model]

    condition {
      test     = "Bool"
      variable = "sagemaker:NetworkIsolation"
      values   = ["true"]
    }
  }

  dynamic "statement" {
    for_each = local.volume_rules

    content {
      sid       = "ConfigureTrials${statement.key}"
      actions   = ["sagemaker:CreateEndpointConfig"]
      resources = [local.trials.endpoint-config]

      condition {
        test     = "ForAllValues:StringEquals"
        variable = "sagemaker:InstanceTypes"
        values   = statement.value.instance_types
      }

      condition {
        test     = "Null"
        variable = "sagemaker:InstanceTypes"
        values   = ["false"]
      }

      dynamic "condition" {
        for_each = statement.value.key_condition[*]

        content {
          test     = "ArnEquals"
          variable = condition.value
          values   = [var.key_arn]
        }
      }
    }
  }

  # A new endpoint requires the permission on its configuration too.
  statement {
    sid       = "CreateTrials"
    actions   = ["sagemaker:CreateEndpoint"]
    resources = [local.trials.endpoint, local.trials.endpoint-config]
  }

  # A statement for each kind, because each action is of one kind only.
  dynamic "statement" {
    for_each = { Endpoint = local.trials.endpoint, EndpointConfig = local.trials.endpoint-config, Model = local.trials.model }

    content {
      sid       = "TryReleases${statement.key}"
      actions   = ["sagemaker:AddTags", "sagemaker:Delete${statement.key}", "sagemaker:Describe${statement.key}"]
      resources = [statement.value]
    }
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
    resources = [for role in ["endpoint", "training"] : "arn:${var.partition}:iam::${var.account_id}:role/${var.name}-${role}-${var.region}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.training}:*"]
  }

  # CreateLogGroup, because all stacks of the account share the group, and the first instance may create it.
  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.notebook}:*"]
  }

  statement {
    sid       = "StopItself"
    actions   = ["sagemaker:DescribeNotebookInstance", "sagemaker:StopNotebookInstance"]
    resources = ["${local.arn.sagemaker}:notebook-instance/${var.notebook_name}"]
  }
}
