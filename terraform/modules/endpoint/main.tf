# One endpoint, which serves the current deployment. The previous deployment keeps its model and configuration, so
# that a roll-back, Kennel's or SageMaker's own, finds what it goes back to.

# Models and configurations are immutable and their names are never used twice: what changes in this module, or in
# the settings of the instances, takes effect with the next deployment.
resource "aws_sagemaker_model" "this" {
  for_each = var.releases

  name               = "${var.name}-deployment-${each.key}"
  execution_role_arn = var.role_arn

  # Network isolation: SageMaker downloads the archive and forwards requests and responses; the container has no
  # network. This is stricter than the VPC, and the role needs no EC2 permissions.
  enable_network_isolation = true

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

  name        = "${var.name}-deployment-${each.key}"
  kms_key_arn = contains(var.local_disk_families, split(".", coalesce(each.value.instance_type, var.instance_type))[1]) ? null : var.key_arn

  production_variants {
    variant_name           = var.variant
    model_name             = aws_sagemaker_model.this[each.key].name
    instance_type          = coalesce(each.value.instance_type, var.instance_type)
    initial_instance_count = coalesce(each.value.instance_count, var.instance_count)
    initial_variant_weight = 1
    # Of AWS's default when null; some images for GPUs need a newer driver.
    inference_ami_version = lookup(var.inference_amis, each.value.image, null)

    container_startup_health_check_timeout_in_seconds = var.startup_timeout_seconds
  }

  tags = { Release = each.value.id }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [kms_key_arn, production_variants]
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.endpoint_name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[var.current].name

  deployment_config {
    blue_green_update_policy {
      termination_wait_in_seconds          = var.termination_wait_seconds
      maximum_execution_timeout_in_seconds = 3600

      traffic_routing_configuration {
        type                     = "ALL_AT_ONCE"
        wait_interval_in_seconds = var.termination_wait_seconds
      }
    }

    auto_rollback_configuration {
      dynamic "alarms" {
        for_each = var.rollback_alarms

        content {
          alarm_name = alarms.value
        }
      }
    }
  }

  tags = { Release = var.releases[var.current].id }
}
