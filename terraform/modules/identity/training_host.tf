# The training host: the training job's data, Session Manager instead of SSH, and the right to stop itself.

data "aws_iam_policy_document" "training_host" {
  source_policy_documents = [data.aws_iam_policy_document.reads_inputs.json]

  statement {
    sid       = "ReadCode"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn.artifacts}/source/*"]
  }

  statement {
    sid       = "WriteModels"
    actions   = ["s3:PutObject"]
    resources = ["${local.arn.artifacts}/training/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]
  }

  # Systems Manager's agent creates the group before it logs a command, and logs nothing where it may not:
  # for a group that is there, the answer that it exists is what it needs.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.training_host}", "${local.arn.log_group}${var.log_groups.training_host}:*"]
  }

  statement {
    sid       = "StopItself"
    actions   = ["ec2:StopInstances"]
    resources = ["${local.arn.ec2}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Name"
      values   = [var.training_host_name]
    }
  }

  statement {
    sid       = "RegisterWithSessionManager"
    actions   = ["ssm:UpdateInstanceInformation"]
    resources = ["${local.arn.ec2}:instance/*"]
  }

  # Session Manager's and Run Command's channels know no resources. These are the parts of
  # AmazonSSMManagedInstanceCore that the two need; inventory, patching, parameters and the older
  # ec2messages channel, which agents since 3.3.40 do without, are left out.
  statement {
    sid = "SessionChannels"
    actions = [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"]
  }
}
