# What a deployment and a roll-back do beyond planning: move the record, replace models, endpoint configurations and
# the endpoint, register the endpoint for scaling, make its alarms, and ask the function for the golden photos.

data "aws_iam_policy_document" "deploying" {
  statement {
    sid       = "MoveRecord"
    actions   = ["ssm:GetParameterHistory", "ssm:PutParameter"]
    resources = [local.release_parameter_arn]
  }

  statement {
    sid       = "ReplaceConfigurations"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"]
    resources = [local.deployment_arns.endpoint-config, local.proof_arns.endpoint-config]
  }

  statement {
    sid       = "ReplaceModels"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DeleteModel"]
    resources = [local.deployment_arns.model, local.proof_arns.model]
  }

  # A new or changed endpoint requires the permission on its configuration too.
  statement {
    sid       = "ReplaceEndpoint"
    actions   = ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"]
    resources = [local.endpoint_arn, local.deployment_arns.endpoint-config]
  }

  statement {
    sid       = "RemoveEndpoint"
    actions   = ["sagemaker:AddTags", "sagemaker:DeleteEndpoint"]
    resources = [local.endpoint_arn]
  }

  statement {
    sid       = "CreateProof"
    actions   = ["sagemaker:CreateEndpoint"]
    resources = [local.proof_arns.endpoint, local.proof_arns.endpoint-config]
  }

  statement {
    sid = "ProveBeforeTraffic"
    actions = [
      "sagemaker:AddTags",
      "sagemaker:DeleteEndpoint",
      "sagemaker:DescribeEndpoint",
      "sagemaker:InvokeEndpoint",
    ]
    resources = [local.proof_arns.endpoint]
  }

  statement {
    sid       = "HandOverEndpointRole"
    actions   = ["iam:PassRole"]
    resources = [var.endpoint_role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid = "Scale"
    actions = [
      "application-autoscaling:DeleteScalingPolicy",
      "application-autoscaling:DeleteScheduledAction",
      "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:PutScheduledAction",
      "application-autoscaling:RegisterScalableTarget",
    ]
    resources = [local.scalable_target_arn]

    condition {
      test     = "StringEquals"
      variable = "application-autoscaling:service-namespace"
      values   = ["sagemaker"]
    }
  }

  statement {
    sid       = "TagScalableTarget"
    actions   = ["application-autoscaling:TagResource"]
    resources = [local.scalable_target_arn]
  }

  # Application Auto Scaling requires what it will do of whoever sets it up (its guide, "Permissions required for API
  # actions on target services and CloudWatch"); a roll-back keeps the number of instances with it.
  statement {
    sid       = "SetInstances"
    actions   = ["sagemaker:UpdateEndpointWeightsAndCapacities"]
    resources = [local.endpoint_arn]
  }

  statement {
    sid     = "MakeEndpointAlarms"
    actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    resources = [
      "${local.arn.alarm}:${var.name}-endpoint-*",
      "${local.arn.alarm}:TargetTracking-endpoint/${var.endpoint_name}/*",
    ]
  }

  statement {
    sid       = "TagEndpointAlarms"
    actions   = ["cloudwatch:TagResource"]
    resources = ["${local.arn.alarm}:${var.name}-endpoint-*"]
  }

  # The whole of a release, because a deployment compares its content with its digest.
  statement {
    sid       = "ReadReleases"
    actions   = ["s3:GetObject"]
    resources = ["arn:${var.partition}:s3:::${var.bucket_names.artifacts}/releases/*"]
  }

  # CreateEndpoint and UpdateEndpoint require it of their caller where the configuration names a key (SageMaker guide,
  # "Amazon SageMaker AI API Permissions").
  statement {
    sid       = "EncryptEndpointVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  statement {
    sid       = "DecryptReleases"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "AskFunction"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.function_arn}:${var.function.alias}"]
  }

  statement {
    sid       = "WriteState"
    actions   = ["s3:PutObject"]
    resources = ["${local.arn.state}/${var.state.key}"]
  }

  # Who may plan may read them.
  statement {
    sid       = "Lock"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = [for lock in var.state.locks : "${local.arn.state}/${lock}"]
  }

  statement {
    sid       = "EncryptState"
    actions   = ["kms:GenerateDataKey"]
    resources = [local.state_key_arn]

    dynamic "condition" {
      for_each = local.state_key_conditions

      content {
        test     = condition.value.test
        variable = condition.value.variable
        values   = [condition.value.value]
      }
    }
  }
}
