# The function: invokes one endpoint, reads the inbox, writes its own log, traces and dead letters.

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "AskEndpoint"
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = ["${local.arn.sagemaker}:endpoint/${var.endpoint_name}"]
  }

  statement {
    sid       = "ReadInbox"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn.data}/inbox/*"]
  }

  statement {
    sid       = "DecryptInboxAndEnvironment"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}${var.log_groups.function}:*"]
  }

  statement {
    sid       = "KeepDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${var.partition}:sqs:${var.region}:${var.account_id}:${var.dead_letter_queue_name}"]
  }

  # X-Ray has no resource types for these two actions.
  statement {
    sid       = "Trace"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }
}
