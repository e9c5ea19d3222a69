# Log groups, created before the workloads that write to them, with a retention and the stack's key.

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_groups

  name              = each.value
  retention_in_days = var.retention_days
  kms_key_id        = var.key_arn
}
