# The alarms, and the topic to which they publish.

locals {
  error_lines = { namespace = var.name, metric = "FunctionErrorLines" }

  function_alarms = {
    function-errors = {
      description = "The function did not start, ran out of time or out of memory; its log has the request ids"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
      dimensions  = { FunctionName = var.function_name }
    }
    # The handler answers every failure, so Lambda does not count it as an error: it logs it.
    function-error-lines = {
      description = "The function answered 5xx; its log has the causes, in lines with the level ERROR"
      namespace   = local.error_lines.namespace
      metric      = local.error_lines.metric
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
      dimensions  = {}
    }
    function-throttles = {
      description = "Invocations were throttled: raise the function's reserved concurrency"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      statistic   = "Sum"
      percentile  = null
      threshold   = 0
      periods     = 1
      dimensions  = { FunctionName = var.function_name }
    }
    dead-letters = {
      description = "Events failed all attempts and are in the dead-letter queue"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      percentile  = null
      threshold   = 0
      periods     = 1
      dimensions  = { QueueName = var.dead_letter_queue_name }
    }
  }

  # Without a release there is no endpoint.
  endpoint_alarms = {
    for key, alarm in {
      endpoint-errors = {
        description = "The endpoint responded with 5xx; a deployment in progress is rolled back"
        namespace   = "AWS/SageMaker"
        metric      = "Invocation5XXErrors"
        statistic   = "Sum"
        percentile  = null
        threshold   = 0
        periods     = 1
        dimensions  = { EndpointName = var.endpoint.name, VariantName = var.endpoint.variant }
      }
      endpoint-latency = {
        description = "The p99 latency exceeded its limit; a deployment in progress is rolled back"
        namespace   = "AWS/SageMaker"
        metric      = "ModelLatency"
        statistic   = null
        percentile  = "p99"
        # The metric is in microseconds.
        threshold  = var.latency_p99_ms * 1000
        periods    = var.latency_minutes
        dimensions = { EndpointName = var.endpoint.name, VariantName = var.endpoint.variant }
      }
    } : key => alarm if var.endpoint.deployed
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "AlarmsAndBudgetPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local.function_alarms, local.endpoint_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  extended_statistic  = each.value.percentile
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
