# The EC2 way to train: one instance on AWS's Deep Learning AMI, reached through Session Manager only.

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

  # Read at the first start only, so a new script means a new host; the plan says so.
  user_data                   = var.user_data
  user_data_replace_on_change = true

  # The host shuts itself down when idle; that must not end it.
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
    # AWS publishes a new image every few weeks: a host is replaced on purpose, not by accident.
    ignore_changes = [ami]
  }
}
