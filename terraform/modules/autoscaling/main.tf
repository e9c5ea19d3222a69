# Target tracking on the number of invocations per instance and minute.
# The scalable target is created after the endpoint and destroyed before it. SageMaker refuses to change the instance
# type of an endpoint that has one, so the target is removed before such an update and registered again after it:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html

resource "terraform_data" "instance_type" {
  input = var.instance_type
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${var.endpoint_name}/variant/${var.variant}"
  min_capacity       = var.min_instances
  max_capacity       = var.max_instances

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type]
  }
}

resource "aws_appautoscaling_policy" "this" {
  name               = "${var.endpoint_name}-invocations"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.invocations_per_instance
    scale_in_cooldown  = var.scale_in_cooldown_seconds
    scale_out_cooldown = var.scale_out_cooldown_seconds

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }

  # AWS deletes the policies of a target that is removed.
  lifecycle {
    replace_triggered_by = [terraform_data.instance_type]
  }
}
