# Log groups, created before the workloads that write to them, with a retention and the stack's key; and the count
# of the lines in which the function reports an error.

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_groups

  name              = each.value
  retention_in_days = var.retention_days
  kms_key_id        = var.key_arn
}

resource "aws_cloudwatch_log_metric_filter" "function_errors" {
  name           = "${var.function_name}-error-lines"
  log_group_name = aws_cloudwatch_log_group.this["function"].name
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    namespace = local.error_lines.namespace
    name      = local.error_lines.metric
    value     = "1"
    unit      = "Count"
  }
}
