# One endpoint, which serves one release. A new release creates a new model and endpoint configuration; after
# the endpoint's blue/green update, the old ones are destroyed.

locals {
  # A SageMaker model is immutable, so its name contains what determines it: release, image and archive.
  fingerprint = substr(sha256(jsonencode([var.image, var.release.model_data_url])), 0, 8)
}

resource "aws_sagemaker_model" "this" {
  name               = "${var.name}-${var.release.id}-${local.fingerprint}"
  execution_role_arn = var.role_arn

  # Network isolation: SageMaker downloads the archive and forwards requests and responses; the container has no
  # network. This is stricter than the VPC, and the role needs no EC2 permissions.
  enable_network_isolation = true

  primary_container {
    image          = var.image
    model_data_url = var.release.model_data_url

    environment = {
      SAGEMAKER_PROGRAM          = "inference.py"
      SAGEMAKER_SUBMIT_DIRECTORY = "/opt/ml/model/code"
    }
  }

  tags = { Release = var.release.id }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name_prefix = "${var.name}-"
  kms_key_arn = var.key_arn

  production_variants {
    variant_name           = var.variant
    model_name             = aws_sagemaker_model.this.name
    instance_type          = var.instance_type
    initial_instance_count = var.instance_count
    initial_variant_weight = 1
  }

  tags = { Release = var.release.id }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name

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

  tags = { Release = var.release.id }
}
