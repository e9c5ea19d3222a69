# A training job: reads photos and code, writes models, checkpoints and logs, attaches to the VPC.

data "aws_iam_policy_document" "training" {
  source_policy_documents = [data.aws_iam_policy_document.reads_inputs.json]

  statement {
    sid       = "ListArtifacts"
    actions   = ["s3:ListBucket"]
    resources = [local.arn.artifacts]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["checkpoints/*", "${var.notebook_prefix}source/*", "source/*", "training/*"]
    }
  }

  statement {
    sid     = "ReadCodeAndCheckpoints"
    actions = ["s3:GetObject"]
    resources = [
      "${local.arn.artifacts}/checkpoints/*",
      "${local.arn.artifacts}/${var.notebook_prefix}source/*",
      "${local.arn.artifacts}/source/*",
      "${local.arn.artifacts}/training/*",
    ]
  }

  statement {
    sid       = "WriteModelsAndCheckpoints"
    actions   = ["s3:PutObject"]
    resources = ["${local.arn.artifacts}/checkpoints/*", "${local.arn.artifacts}/training/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]
  }

  # SageMaker encrypts the job's volume through a KMS grant that the job's role creates.
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

  # CreateLogGroup, because all stacks of the account share the group, and the first job may create it.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.training}:*"]
  }

  # CloudWatch has no resource types for metrics; only the namespace can be restricted.
  statement {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/TrainingJobs"]
    }
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
    resources = var.image_repository_arns.training
  }

  # A new network interface is checked together with its subnet and its security groups.
  statement {
    sid     = "CreateNetworkInterfaces"
    actions = ["ec2:CreateNetworkInterface"]
    resources = concat(
      ["${local.arn.ec2}:network-interface/*"],
      [for id in var.network.subnet_ids : "${local.arn.ec2}:subnet/${id}"],
      [for id in var.network.security_group_ids : "${local.arn.ec2}:security-group/${id}"],
    )
  }

  # Only interfaces in the stack's own subnets: the others of the account are not this role's to share or delete.
  statement {
    sid = "UseNetworkInterfaces"
    actions = [
      "ec2:CreateNetworkInterfacePermission",
      "ec2:DeleteNetworkInterface",
      "ec2:DeleteNetworkInterfacePermission",
    ]
    resources = ["${local.arn.ec2}:network-interface/*"]

    condition {
      test     = "ArnEquals"
      variable = "ec2:Subnet"
      values   = [for id in var.network.subnet_ids : "${local.arn.ec2}:subnet/${id}"]
    }
  }

  # These EC2 actions have no resource types.
  statement {
    sid = "LookAtNetwork"
    actions = [
      "ec2:DescribeDhcpOptions",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
    ]
    resources = ["*"]
  }
}
