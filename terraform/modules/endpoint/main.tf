# One endpoint, which serves the current deployment. The previous deployment keeps its model and configuration, so
# that a roll-back, Kennel's or SageMaker's own, finds what it goes back to.

locals {
  current    = var.releases[var.current]
  instances  = coalesce(local.current.instance_count, var.instance_count)
  serverless = local.current.serverless != null

  # The first step of a shift is a part of the instances, and AWS allows at most half of them: with one instance all
  # traffic moves at once. Without instances it is a share of the traffic, and there is nothing to roll.
  rollout = (
    local.serverless && var.rollout == "ROLLING" ? "CANARY"
    : !local.serverless && local.instances < 2 ? "ALL_AT_ONCE"
    : var.rollout
  )
  # Whole instances, because AWS does not publish how it rounds a percentage. Rounded up: AWS also has lower limits, 10 %
  # for LINEAR and 5 % for ROLLING.
  step = (
    local.serverless
    ? { type = "CAPACITY_PERCENT", value = var.rollout_percent }
    : { type = "INSTANCE_COUNT", value = max(1, min(ceil(local.instances * var.rollout_percent / 100), floor(local.instances / 2))) }
  )

  # The provider waits an hour for an update, whatever a deployment's own limit is.
  longest_seconds = 3600
}

# Models and configurations are immutable and their names are never used twice: what changes in this module, or in
# the settings of the instances, takes effect with the next deployment.
resource "aws_sagemaker_model" "this" {
  #checkov:skip=CKV_AWS_370:Isolated wherever AWS allows it, which is everywhere but in serverless endpoints
  for_each = var.releases

  name               = "${var.name}-deployment-${each.key}"
  execution_role_arn = var.role_arn

  # Network isolation: SageMaker downloads the archive and forwards requests and responses; the container has no
  # network. This is stricter than the VPC, and the role needs no EC2 permissions. AWS refuses it, as it refuses a VPC,
  # for a serverless endpoint (SageMaker guide, "Deploy models with Amazon SageMaker Serverless Inference").
  enable_network_isolation = each.value.serverless == null

  primary_container {
    image          = each.value.image
    model_data_url = each.value.model_data_url
  }

  tags = { Release = each.value.id }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [enable_network_isolation, execution_role_arn, primary_container]
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  for_each = var.releases

  name = "${var.name}-deployment-${each.key}"

  # Of the volumes; without instances, of the copy of the image that SageMaker keeps.
  kms_key_arn = (
    each.value.serverless == null && contains(var.local_disk_families, split(".", coalesce(each.value.instance_type, var.instance_type))[1])
    ? null : var.key_arn
  )

  production_variants {
    variant_name           = var.variant
    model_name             = aws_sagemaker_model.this[each.key].name
    initial_variant_weight = 1

    # Of instances: a serverless variant has none of these.
    instance_type          = each.value.serverless == null ? coalesce(each.value.instance_type, var.instance_type) : null
    initial_instance_count = each.value.serverless == null ? coalesce(each.value.instance_count, var.instance_count) : null
    # Of AWS's default when null; some images for GPUs need a newer driver.
    inference_ami_version = each.value.serverless == null ? lookup(var.inference_amis, each.value.image, null) : null

    container_startup_health_check_timeout_in_seconds = each.value.serverless == null ? var.startup_timeout_seconds : null

    dynamic "serverless_config" {
      for_each = each.value.serverless[*]

      content {
        max_concurrency   = serverless_config.value.max_concurrency
        memory_size_in_mb = serverless_config.value.memory_mb
      }
    }
  }

  tags = { Release = each.value.id }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [kms_key_arn, production_variants]
  }
}

# AWS refuses to update an endpoint with instances to a serverless one, and to roll the reverse back: the endpoint is
# replaced, and answers nothing until the new one is in service.
resource "terraform_data" "kind" {
  input = local.serverless ? "serverless" : "instances"
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.endpoint_name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[var.current].name

  deployment_config {
    dynamic "blue_green_update_policy" {
      for_each = local.rollout == "ROLLING" ? [] : [local.rollout]

      content {
        termination_wait_in_seconds          = var.termination_wait_seconds
        maximum_execution_timeout_in_seconds = local.longest_seconds

        traffic_routing_configuration {
          type                     = blue_green_update_policy.value
          wait_interval_in_seconds = var.bake_seconds

          dynamic "canary_size" {
            for_each = blue_green_update_policy.value == "CANARY" ? [local.step] : []

            content {
              type  = canary_size.value.type
              value = canary_size.value.value
            }
          }

          dynamic "linear_step_size" {
            for_each = blue_green_update_policy.value == "LINEAR" ? [local.step] : []

            content {
              type  = linear_step_size.value.type
              value = linear_step_size.value.value
            }
          }
        }
      }
    }

    dynamic "rolling_update_policy" {
      for_each = local.rollout == "ROLLING" ? [local.step] : []

      content {
        maximum_execution_timeout_in_seconds = local.longest_seconds
        wait_interval_in_seconds             = var.bake_seconds

        maximum_batch_size {
          type  = rolling_update_policy.value.type
          value = rolling_update_policy.value.value
        }
      }
    }

    # Provider 5.100 crashes at a block without alarms.
    dynamic "auto_rollback_configuration" {
      for_each = length(var.rollback_alarms) > 0 ? [var.rollback_alarms] : []

      content {
        dynamic "alarms" {
          for_each = auto_rollback_configuration.value

          content {
            alarm_name = alarms.value
          }
        }
      }
    }
  }

  tags = { Release = local.current.id }

  lifecycle {
    replace_triggered_by = [terraform_data.kind]
  }
}
