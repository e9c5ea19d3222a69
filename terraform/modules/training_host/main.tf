# Training on EC2: one instance with AWS's Deep Learning AMI, accessible through Session Manager only.

# AWS's parameter names the newest image of a family. Its folder is read, not the parameter itself: a folder that
# AWS has removed is empty, while a missing parameter would fail every plan, also of a host that exists.
data "aws_ssm_parameters_by_path" "ami" {
  count = var.ami_id == null ? 1 : 0

  path = dirname(var.ami_parameter)
}

locals {
  published = try(
    zipmap(data.aws_ssm_parameters_by_path.ami[0].names, nonsensitive(data.aws_ssm_parameters_by_path.ami[0].values)),
    {},
  )
  # Without an image only the creation of a host fails; what EC2 then says names the parameter.
  published_id = lookup(local.published, var.ami_parameter, "resolve:ssm:${var.ami_parameter}")
}

check "image" {
  assert {
    condition     = var.ami_id != null || startswith(local.published_id, "ami-")
    error_message = "AWS publishes no image as ${var.ami_parameter} any more. The host keeps its image; for a new one, set training_host.ami_parameter or ami_id."
  }
}

resource "aws_instance" "this" {
  ami                    = coalesce(var.ami_id, local.published_id)
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = var.security_group_ids
  iam_instance_profile   = var.instance_profile
  ebs_optimized          = true
  monitoring             = true

  # Read at the first start only, so a changed script replaces the host.
  user_data                   = var.user_data
  user_data_replace_on_change = true

  # The host shuts itself down when idle; a shutdown must not terminate it.
  instance_initiated_shutdown_behavior = "stop"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    kms_key_id  = var.key_arn
    volume_type = "gp3"
    volume_size = var.volume_gb
  }

  tags = { Name = var.name }

  lifecycle {
    # AWS publishes a new image every few weeks and withdraws old ones: neither may replace the host. docs/ec2.md
    # says how to move it.
    ignore_changes = [ami]
  }
}
