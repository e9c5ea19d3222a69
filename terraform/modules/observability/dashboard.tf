# The dashboard of the service's metrics.

locals {
  endpoint_dimensions = ["EndpointName", var.endpoint.name, "VariantName", var.endpoint.variant]

  widgets = [
    {
      title = "Endpoint: answers"
      metrics = [
        concat(["AWS/SageMaker", "Invocations"], local.endpoint_dimensions, [{ stat = "Sum" }]),
        concat(["AWS/SageMaker", "Invocation4XXErrors"], local.endpoint_dimensions, [{ stat = "Sum" }]),
        concat(["AWS/SageMaker", "Invocation5XXErrors"], local.endpoint_dimensions, [{ stat = "Sum" }]),
      ]
    },
    {
      title = "Endpoint: latency (µs)"
      metrics = [
        concat(["AWS/SageMaker", "ModelLatency"], local.endpoint_dimensions, [{ stat = "p50" }]),
        concat(["AWS/SageMaker", "ModelLatency"], local.endpoint_dimensions, [{ stat = "p99" }]),
        concat(["AWS/SageMaker", "OverheadLatency"], local.endpoint_dimensions, [{ stat = "p99" }]),
      ]
    },
    {
      title = "Endpoint: load and machine"
      metrics = [
        concat(["AWS/SageMaker", "InvocationsPerInstance"], local.endpoint_dimensions, [{ stat = "Sum" }]),
        concat(["/aws/sagemaker/Endpoints", "CPUUtilization"], local.endpoint_dimensions, [{ stat = "Average" }]),
        concat(["/aws/sagemaker/Endpoints", "MemoryUtilization"], local.endpoint_dimensions, [{ stat = "Average" }]),
      ]
    },
    {
      title = "Function: calls"
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", var.function_name, { stat = "Sum" }],
        ["AWS/Lambda", "Errors", "FunctionName", var.function_name, { stat = "Sum" }],
        [local.error_lines.namespace, local.error_lines.metric, { stat = "Sum" }],
        ["AWS/Lambda", "Throttles", "FunctionName", var.function_name, { stat = "Sum" }],
      ]
    },
    {
      title = "Function: duration (ms) and concurrency"
      metrics = [
        ["AWS/Lambda", "Duration", "FunctionName", var.function_name, { stat = "p50" }],
        ["AWS/Lambda", "Duration", "FunctionName", var.function_name, { stat = "p99" }],
        ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", var.function_name, { stat = "Maximum" }],
      ]
    },
    {
      # Metrics that the function embeds in its log lines.
      title = "Function: where its time goes (ms)"
      metrics = [for part in ["FetchLatency", "InvokeLatency", "TotalLatency"] :
        [var.name, part, "FunctionName", var.function_name, { stat = "p50" }]
      ]
    },
    {
      title = "Dead letters"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue_name, { stat = "Maximum" }],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = index % 3 * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = var.region
        period  = 60
        view    = "timeSeries"
        metrics = widget.metrics
      }
    }]
  })
}
