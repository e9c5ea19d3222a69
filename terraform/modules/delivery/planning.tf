# What a plan reads: the state, and every resource of the stack as it is. No object of a bucket but the state, and
# no log. Each action is one that the provider calls when it refreshes this stack.

data "aws_iam_policy_document" "planning" {
  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [local.arn.state]
  }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = [for object in concat([var.state.key], var.state.locks) : "${local.arn.state}/${object}"]
  }

  statement {
    sid       = "DecryptState"
    actions   = ["kms:Decrypt"]
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

  statement {
    sid       = "ReadKey"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
    resources = [var.key_arn]
  }

  # Lambda shows a function's environment only to those who may decrypt it; without it, every plan would write it anew.
  statement {
    sid       = "ReadFunctionEnvironment"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["lambda.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:lambda:FunctionArn"
      values   = [local.function_arn]
    }
  }

  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = [for bucket in var.bucket_names : "arn:${var.partition}:s3:::${bucket}"]
  }

  statement {
    sid     = "ReadRoles"
    actions = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    resources = concat(
      var.role_arns,
      [for role in keys(local.roles) : "${local.arn.iam}:role/${var.name}-${role}-${var.region}"],
    )
  }

  statement {
    sid       = "ReadOwnPolicy"
    actions   = ["iam:GetPolicy", "iam:GetPolicyVersion"]
    resources = ["${local.arn.iam}:policy/${local.deploying_policy_name}"]
  }

  statement {
    sid       = "ReadInstanceProfile"
    actions   = ["iam:GetInstanceProfile"]
    resources = ["${local.arn.iam}:instance-profile/${var.instance_profile}"]
  }

  statement {
    sid       = "ReadIdentityProvider"
    actions   = ["iam:GetOpenIDConnectProvider"]
    resources = ["${local.arn.iam}:oidc-provider/${local.issuer}"]
  }

  # The policy of those who may call the function's URL.
  statement {
    sid       = "ReadUrlPolicy"
    actions   = ["iam:GetPolicy", "iam:GetPolicyVersion"]
    resources = ["${local.arn.iam}:policy/${var.function.name}-call-url-${var.region}"]
  }

  # Calls that may name a version or an alias: then Lambda checks its ARN.
  statement {
    sid       = "ReadFunction"
    actions   = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionUrlConfig"]
    resources = [local.function_arn, "${local.function_arn}:*"]
  }

  statement {
    sid       = "ReadFunctionItself"
    actions   = ["lambda:GetFunctionCodeSigningConfig", "lambda:ListVersionsByFunction"]
    resources = [local.function_arn]
  }

  statement {
    sid       = "ReadProvisionedConcurrency"
    actions   = ["lambda:GetProvisionedConcurrencyConfig"]
    resources = ["${local.function_arn}:*"]
  }

  statement {
    sid       = "ReadQueue"
    actions   = ["sqs:GetQueueAttributes", "sqs:ListQueueTags"]
    resources = ["arn:${var.partition}:sqs:${var.region}:${var.account_id}:${var.dead_letter_queue_name}"]
  }

  statement {
    sid       = "ReadTopic"
    actions   = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"]
    resources = [var.topic_arn]
  }

  statement {
    sid       = "ReadAlarmTags"
    actions   = ["cloudwatch:ListTagsForResource"]
    resources = ["${local.arn.alarm}:${var.name}-*"]
  }

  # CloudWatch checks it on all alarms, also for a call that names some.
  statement {
    sid       = "ReadAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local.arn.alarm}:*"]
  }

  statement {
    sid       = "ReadDashboard"
    actions   = ["cloudwatch:GetDashboard"]
    resources = ["arn:${var.partition}:cloudwatch::${var.account_id}:dashboard/${var.dashboard}"]
  }

  statement {
    sid       = "ReadBudget"
    actions   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
    resources = ["arn:${var.partition}:budgets::${var.account_id}:budget/${var.budget}"]
  }

  statement {
    sid       = "ReadLogGroupTags"
    actions   = ["logs:ListTagsForResource"]
    resources = [for group in var.log_groups : "${local.arn.log_group}${group}*"]
  }

  statement {
    sid       = "ReadMetricFilters"
    actions   = ["logs:DescribeMetricFilters"]
    resources = ["${local.arn.log_group}${var.filtered_log_group}*"]
  }

  statement {
    sid       = "ReadRecord"
    actions   = ["ssm:GetParameter", "ssm:ListTagsForResource"]
    resources = [local.release_parameter_arn]
  }

  # AWS's own parameters, which name the newest image of the training host.
  statement {
    sid       = "ReadImages"
    actions   = ["ssm:GetParametersByPath"]
    resources = ["arn:${var.partition}:ssm:${var.region}::parameter${var.image_folder}"]
  }

  # A statement for each kind, because each action reads one kind only.
  dynamic "statement" {
    for_each = {
      Endpoint                        = local.endpoint_arn
      EndpointConfig                  = local.deployment_arns.endpoint-config
      Model                           = local.deployment_arns.model
      ModelPackageGroup               = "${local.arn.sagemaker}:model-package-group/${var.registry}"
      NotebookInstance                = "${local.arn.sagemaker}:notebook-instance/${var.notebook_name}"
      NotebookInstanceLifecycleConfig = "${local.arn.sagemaker}:notebook-instance-lifecycle-config/${var.notebook_name}"
    }

    content {
      sid       = "Read${statement.key}"
      actions   = ["sagemaker:Describe${statement.key}", "sagemaker:ListTags"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "ReadScalingTags"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = [local.scalable_target_arn]
  }

  # AWS has no resource types for these.
  statement {
    sid = "List"
    actions = [
      "application-autoscaling:DescribeScalableTargets",
      "application-autoscaling:DescribeScalingPolicies",
      "application-autoscaling:DescribeScheduledActions",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeInstances",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeTags",
      "ec2:DescribeVolumes",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
      "kms:ListAliases",
      "logs:DescribeLogGroups",
      "ssm:DescribeParameters",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "ReadNetwork"
    actions   = ["ec2:DescribeVpcAttribute"]
    resources = ["arn:${var.partition}:ec2:${var.region}:${var.account_id}:vpc/${var.vpc_id}"]
  }

  statement {
    sid       = "ReadTrainingHost"
    actions   = ["ec2:DescribeInstanceAttribute"]
    resources = ["arn:${var.partition}:ec2:${var.region}:${var.account_id}:instance/*"]
  }
}
