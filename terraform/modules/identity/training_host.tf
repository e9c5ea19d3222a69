# The training host: the training job's data access, Session Manager instead of SSH. It needs no permission to stop: it
# shuts itself down, and the instance is set to stop at a shutdown.

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

  # Systems Manager's agent calls CreateLogGroup before it logs a command, and does not log if the call is
  # denied. For an existing group, it expects the error that the group exists.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.training_host}:*"]
  }

  statement {
    sid       = "RegisterWithSessionManager"
    actions   = ["ssm:UpdateInstanceInformation"]
    resources = ["${local.arn.ec2}:instance/*"]
  }

  # The channels of Session Manager and Run Command have no resource types. These are the parts of
  # AmazonSSMManagedInstanceCore that the two require, without inventory, patching, parameters and the older
  # ec2messages channel, which agents since 3.3.40 do not use.
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
