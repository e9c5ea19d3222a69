# The number of the endpoint's instances: target tracking, steps beside it, and limits that a schedule changes.
# The scalable target is created after the endpoint and destroyed before it. SageMaker refuses to change the instance
# type of an endpoint that has one, so the target is removed before such an update and registered again after it:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html

locals {
  # Invocations are counted each minute. The other metric counts requests that are being answered, every ten seconds.
  metrics = {
    CONCURRENCY = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
  }
}

resource "terraform_data" "instance_type" {
  input = var.instance_type
}

# A scheduled action changes the limits of the target, which is no change of this configuration: only another
# configuration is, and it registers the target again.
resource "terraform_data" "limits" {
  input = { max = var.max_instances, min = var.min_instances }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${var.endpoint_name}/variant/${var.variant}"
  min_capacity       = var.min_instances
  max_capacity       = var.max_instances

  lifecycle {
    ignore_changes       = [max_capacity, min_capacity]
    replace_triggered_by = [terraform_data.instance_type, terraform_data.limits]
  }
}

# AWS deletes the policies and scheduled actions of a target that is removed: they are made again with it.

resource "aws_appautoscaling_policy" "this" {
  name               = "${var.endpoint_name}-${lower(var.metric)}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.target_value
    disable_scale_in   = !var.scale_in
    scale_in_cooldown  = var.scale_in_cooldown_seconds
    scale_out_cooldown = var.scale_out_cooldown_seconds

    predefined_metric_specification {
      predefined_metric_type = local.metrics[var.metric]
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type, terraform_data.limits]
  }
}

# A surge is answered after its first minute, where target tracking waits for three. Of several policies AWS takes the
# one that gives the most instances, and target tracking alone removes them.
resource "aws_appautoscaling_policy" "surge" {
  count = length(var.surge_steps) > 0 ? 1 : 0

  name               = "${var.endpoint_name}-surge"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    cooldown                 = var.scale_out_cooldown_seconds
    metric_aggregation_type  = "Maximum"
    min_adjustment_magnitude = 1

    # AWS counts the bounds from the alarm's threshold.
    dynamic "step_adjustment" {
      for_each = var.surge_steps

      content {
        metric_interval_lower_bound = (step_adjustment.value.over - var.surge_steps[0].over) * var.invocations_per_instance
        metric_interval_upper_bound = (
          step_adjustment.key + 1 < length(var.surge_steps)
          ? (var.surge_steps[step_adjustment.key + 1].over - var.surge_steps[0].over) * var.invocations_per_instance
          : null
        )
        scaling_adjustment = step_adjustment.value.add_percent
      }
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type, terraform_data.limits]
  }
}

resource "aws_cloudwatch_metric_alarm" "surge" {
  count = length(var.surge_steps) > 0 ? 1 : 0

  alarm_name          = var.surge_alarm_name
  alarm_description   = "Each instance of ${var.endpoint_name} has more than ${var.surge_steps[0].over} times its invocations: instances are added"
  namespace           = "AWS/SageMaker"
  metric_name         = "InvocationsPerInstance"
  dimensions          = { EndpointName = var.endpoint_name, VariantName = var.variant }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.surge_steps[0].over * var.invocations_per_instance
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.surge[0].arn]
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = var.schedules

  name               = "${var.endpoint_name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id
  schedule           = each.value.schedule
  timezone           = each.value.timezone

  scalable_target_action {
    max_capacity = each.value.max_instances
    min_capacity = each.value.min_instances
  }

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type, terraform_data.limits]
  }
}
