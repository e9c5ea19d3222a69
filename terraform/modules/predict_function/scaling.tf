# The alias's provisioned concurrency, scaled by its utilisation between provisioned_concurrency and a maximum.

locals {
  scaled = var.provisioned_concurrency_max > var.provisioned_concurrency ? [var.provisioned_concurrency_max] : []
}

resource "aws_appautoscaling_target" "this" {
  count = length(local.scaled)

  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${aws_lambda_function.this.function_name}:${aws_lambda_alias.this.name}"
  min_capacity       = var.provisioned_concurrency
  max_capacity       = local.scaled[0]

  # A target outlives the provisioned concurrency that it scales, but cannot be registered before it.
  depends_on = [aws_lambda_provisioned_concurrency_config.this]
}

resource "aws_appautoscaling_policy" "this" {
  count = length(local.scaled)

  name               = "${var.name}-provisioned-concurrency"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = var.provisioned_utilization

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}
