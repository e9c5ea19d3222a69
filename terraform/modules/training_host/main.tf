# Training on EC2: one instance with AWS's Deep Learning AMI, accessible through Session Manager only.

data "aws_ami" "this" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = [var.ami_name]
  }

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_instance" "this" {
  ami                    = data.aws_ami.this.id
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
    # AWS publishes a new image every few weeks, which must not replace the host.
    ignore_changes = [ami]
  }
}
