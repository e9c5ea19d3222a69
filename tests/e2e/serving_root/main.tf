# The part of the stack that a deployment changes, with the stack's own modules: a plan takes seconds. What stays the
# same in every deployment (bucket, key, roles) is made by the test.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = { source = "hashicorp/aws" }
  }

  backend "s3" {
    use_lockfile = true
  }
}

provider "aws" {
  region            = var.region
  s3_use_path_style = true
}

variable "environment" { type = string }

variable "instance_type" { type = string }

variable "invocations_per_instance" { type = number }

variable "key_arn" { type = string }

variable "region" { type = string }

variable "retention_days" { type = number }

variable "role_arn" { type = string }

locals {
  name          = "serving-local"
  endpoint_name = "${local.name}-classifier"
  variant       = "AllTraffic"
  record        = module.release.record
  deployed      = local.record.current != null
  releases = {
    for release in [local.record.current, local.record.previous] : tostring(release.deployment) => release
    if release != null
  }
}

module "release" {
  source = "./modules/release"

  name          = "/serving/${var.environment}/release"
  registry_name = local.name
}

resource "aws_cloudwatch_metric_alarm" "endpoint" {
  alarm_name          = "${local.name}-endpoint-errors"
  namespace           = "AWS/SageMaker"
  metric_name         = "Invocation5XXErrors"
  dimensions          = { EndpointName = local.endpoint_name, VariantName = local.variant }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_log_group" "function" {
  name = "/aws/lambda/${local.name}-predict"
}

# Something that is no part of a release.
resource "aws_cloudwatch_log_group" "other" {
  name              = "/serving/other"
  retention_in_days = var.retention_days
}

module "predict_function" {
  source = "./modules/predict_function"

  dead_letter_queue_name = "${local.name}-predict-dead-letters"
  environment            = { ENDPOINT_NAME = local.endpoint_name, LOG_LEVEL = "INFO" }
  key_arn                = var.key_arn
  log_group              = aws_cloudwatch_log_group.function.name
  memory_mb              = 512
  name                   = "${local.name}-predict"
  package                = "${path.root}/../build/function/predict.zip"
  region                 = var.region
  role_arn               = var.role_arn
  timeout_seconds        = 30
}

module "endpoint" {
  source = "./modules/endpoint"
  count  = local.deployed ? 1 : 0

  bake_seconds             = 1
  current                  = tostring(local.record.current.deployment)
  endpoint_name            = local.endpoint_name
  inference_amis           = {}
  instance_count           = 1
  instance_type            = var.instance_type
  key_arn                  = var.key_arn
  local_disk_families      = []
  name                     = local.name
  releases                 = local.releases
  role_arn                 = var.role_arn
  rollback_alarms          = [aws_cloudwatch_metric_alarm.endpoint.alarm_name]
  rollout                  = "CANARY"
  rollout_percent          = 50
  startup_timeout_seconds  = 60
  termination_wait_seconds = 1
  variant                  = local.variant
}

module "autoscaling" {
  source = "./modules/autoscaling"
  count  = local.deployed ? 1 : 0

  endpoint_name              = module.endpoint[0].name
  instance_type              = module.endpoint[0].instance_type
  invocations_per_instance   = var.invocations_per_instance
  max_instances              = 3
  min_instances              = 1
  scale_in_cooldown_seconds  = 300
  scale_out_cooldown_seconds = 60
  target_value               = var.invocations_per_instance
  variant                    = local.variant
}
