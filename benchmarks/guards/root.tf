# What a deployment in prod is guarded by, planned without a cloud: the stack's own modules with the variables of its root.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region                      = var.region
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variable "instances" {
  type = number
}

locals {
  account     = "123456789012"
  image_table = jsondecode(file("${path.module}/images.json")) # that a validation of the root's variables reads
  key_arn     = "arn:aws:kms:${var.region}:${local.account}:key/00000000-0000-0000-0000-000000000000"
  name        = "${var.project}-${var.environment}"
}

module "observability" {
  source = "./modules/observability"

  account_id             = local.account
  budget_usd             = var.observability.budget_usd
  dead_letter_queue_name = "${local.name}-dead-letters"
  endpoint               = { deployed = true, name = "${local.name}-classifier", variant = "AllTraffic" }
  function_name          = "${local.name}-predict"
  key_arn                = local.key_arn
  latency_minutes        = var.observability.latency_minutes
  latency_p99_ms         = var.observability.latency_p99_ms
  log_groups             = { function = "/aws/lambda/${local.name}-predict" }
  name                   = local.name
  region                 = var.region
  retention_days         = var.observability.retention_days
  stack_tag              = local.name
}

module "endpoint" {
  source = "./modules/endpoint"

  bake_seconds             = var.endpoint.bake_seconds
  current                  = "1"
  endpoint_name            = "${local.name}-classifier"
  inference_amis           = {}
  instance_count           = var.endpoint.instance_count
  instance_type            = var.endpoint.instance_type
  key_arn                  = local.key_arn
  local_disk_families      = []
  name                     = local.name
  role_arn                 = "arn:aws:iam::${local.account}:role/${local.name}-endpoint"
  rollback_alarms          = module.observability.rollback_alarms
  rollout                  = coalesce(var.endpoint.rollout, "CANARY")
  rollout_percent          = var.endpoint.rollout_percent
  startup_timeout_seconds  = var.endpoint.startup_timeout_seconds
  termination_wait_seconds = var.endpoint.termination_wait_seconds
  variant                  = "AllTraffic"

  releases = {
    "1" = {
      id             = "r-0"
      image          = "${local.account}.dkr.ecr.${var.region}.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
      instance_count = var.instances
      model_data_url = "s3://${local.name}-artifacts/releases/r-0/model.tar.gz"
    }
  }
}
