# A stack of few resources: one of most kinds that a killed apply leaves, in chains as in the real stack.

terraform {
  required_version = ">= 1.11"

  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

variable "environment" {
  type = string
}

variable "region" {
  type = string
}

variable "s3_use_path_style" {
  type = bool
}

provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_use_path_style

  default_tags {
    tags = {
      Project     = "small"
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "small" }
}

resource "aws_subnet" "this" {
  for_each = { a = "10.0.0.0/24", b = "10.0.1.0/24" }

  availability_zone = "${var.region}${each.key}"
  cidr_block        = each.value
  vpc_id            = aws_vpc.this.id
  tags              = { Name = "small-${each.key}" }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "small" }
}

resource "aws_route_table_association" "this" {
  for_each = aws_subnet.this

  route_table_id = aws_route_table.this.id
  subnet_id      = each.value.id
}

resource "aws_security_group" "this" {
  name   = "small"
  vpc_id = aws_vpc.this.id
  tags   = { Name = "small" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_kms_key" "this" {
  description             = "small"
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "this" {
  name          = "alias/small"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_s3_bucket" "this" {
  bucket        = "small-bucket"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_iam_role" "this" {
  name = "small"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "small"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.this.arn}/*" }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = "small"
  role = aws_iam_role.this.name
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["one", "two"])

  name       = "/small/${each.key}"
  kms_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic" "this" {
  name              = "small"
  kms_master_key_id = aws_kms_key.this.key_id
}

resource "aws_ssm_parameter" "this" {
  name  = "/small/release"
  type  = "String"
  value = aws_s3_bucket.this.bucket
}

output "vpc" {
  value = aws_vpc.this.id
}
