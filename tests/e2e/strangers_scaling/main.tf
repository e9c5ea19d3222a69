# Somebody else's endpoint, with what the provider's documentation shows for scaling it: nothing is made for Kennel or the
# local cloud.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "image" {
  type = string
}

variable "model_data_url" {
  type = string
}

variable "role_arn" {
  type = string
}

resource "aws_sagemaker_model" "example" {
  name               = "example-model"
  execution_role_arn = var.role_arn

  primary_container {
    image          = var.image
    model_data_url = var.model_data_url
  }
}

resource "aws_sagemaker_endpoint_configuration" "example" {
  name = "example-endpoint-config"

  production_variants {
    variant_name           = "variant-1"
    model_name             = aws_sagemaker_model.example.name
    initial_instance_count = 1
    instance_type          = "ml.m5.large" # AWS scales no ml.t2
  }

  tags = {
    Name = "foo"
  }
}

resource "aws_sagemaker_endpoint" "example" {
  name                 = "example-endpoint"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.example.name

  tags = {
    Name = "foo"
  }
}

resource "aws_appautoscaling_target" "sagemaker_target" {
  max_capacity       = 2
  min_capacity       = 1
  resource_id        = "endpoint/${aws_sagemaker_endpoint.example.name}/variant/variant-1"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}

resource "aws_appautoscaling_policy" "sagemaker_policy" {
  name               = "example-target-tracking"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.sagemaker_target.resource_id
  scalable_dimension = aws_appautoscaling_target.sagemaker_target.scalable_dimension
  service_namespace  = aws_appautoscaling_target.sagemaker_target.service_namespace

  target_tracking_scaling_policy_configuration {
    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }

    target_value       = 20
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
  }
}

resource "aws_sns_topic" "ops" {
  name = "example-ops"
}

resource "aws_cloudwatch_metric_alarm" "busy" {
  alarm_name                = "example-endpoint-busy"
  alarm_description         = "This metric monitors the endpoint's requests"
  comparison_operator       = "GreaterThanOrEqualToThreshold"
  evaluation_periods        = 2
  metric_name               = "Invocations"
  namespace                 = "AWS/SageMaker"
  period                    = 60
  statistic                 = "Sum"
  threshold                 = 30
  treat_missing_data        = "notBreaching"
  insufficient_data_actions = []
  alarm_actions             = [aws_sns_topic.ops.arn]

  dimensions = {
    EndpointName = aws_sagemaker_endpoint.example.name
    VariantName  = "variant-1"
  }
}
