# The notebook instance, and the scripts that prepare it.

resource "aws_sagemaker_notebook_instance_lifecycle_configuration" "this" {
  name      = var.name
  on_create = base64encode(local.on_create)
  on_start  = base64encode(local.on_start)

  lifecycle {
    precondition {
      # AWS limits the number of characters after base64 encoding.
      condition     = max(length(base64encode(local.on_create)), length(base64encode(local.on_start))) <= 16384
      error_message = "A lifecycle script is limited to 16384 characters after base64 encoding: move parts from modules/notebook/scripts into the bundle source/kennel.tar.gz."
    }
  }
}

locals {
  on_create = file("${path.module}/scripts/on_create.sh")
  on_start = templatefile("${path.module}/scripts/on_start.sh.tftpl", {
    artifact_bucket = var.artifact_bucket
    environment     = var.environment
    idle_minutes    = var.idle_minutes
    notebook        = var.name
    region          = var.region
  })
}

resource "aws_sagemaker_notebook_instance" "this" {
  #checkov:skip=CKV2_AWS_68:The role comes from the identity module, which checkov does not follow; its policy is scanned there and has no "*" action
  name                  = var.name
  role_arn              = var.role_arn
  instance_type         = var.instance_type
  platform_identifier   = var.platform
  volume_size           = var.volume_gb
  kms_key_id            = var.key_arn
  lifecycle_config_name = aws_sagemaker_notebook_instance_lifecycle_configuration.this.name

  root_access            = "Disabled"
  direct_internet_access = "Disabled"
  subnet_id              = var.subnet_id
  security_groups        = var.security_group_ids

  instance_metadata_service_configuration {
    minimum_instance_metadata_service_version = "2"
  }
}
