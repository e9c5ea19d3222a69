# The buckets: data (photos), artifacts (models and code), logs (server access logs).

locals {
  log_key = "logs"

  # Expiration rules of each bucket, in addition to those that all share.
  buckets = {
    data = {
      name     = var.bucket_names.data
      expiring = { inbox = { prefix = "inbox/", days = var.inbox_days } }
    }
    artifacts = {
      name     = var.bucket_names.artifacts
      expiring = { checkpoints = { prefix = "checkpoints/", days = var.checkpoint_days } }
    }
    (local.log_key) = {
      name     = var.bucket_names.logs
      expiring = { access = { prefix = var.access_log_prefix, days = var.access_log_days } }
    }
  }
  logged = { for key, bucket in local.buckets : key => bucket if key != local.log_key }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:One region by design: photos can be uploaded again and releases packaged again from their training job
  #checkov:skip=CKV_AWS_145:Data and artifacts are encrypted with the stack's key; the log bucket cannot be, because S3 delivers no access logs to an SSE-KMS bucket
  #checkov:skip=CKV2_AWS_62:No workload is triggered by uploads
  for_each = local.buckets

  bucket        = each.value.name
  force_destroy = var.force_destroy

  # So that destroy deletes the key after the buckets: it stops at a bucket that is not empty, and what is in there
  # can still be read.
  depends_on = [aws_kms_key.this]
}

# Terraform refuses, before it changes anything, every plan that destroys or replaces this: also one that destroys
# or replaces what it depends on. `prevent_destroy` cannot be a variable, so it is here and not on the buckets.
resource "terraform_data" "protection" {
  count = var.protected ? 1 : 0

  triggers_replace = [
    aws_kms_key.this.id,
    [for use in ["artifacts", "data", "logs"] : aws_s3_bucket.this[use].id],
  ]

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.logged

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

# S3 does not deliver server access logs to a bucket with SSE-KMS, so the log bucket uses SSE-S3.
resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.this[local.log_key].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# The provider waits almost a minute for a lifecycle configuration, so no other resource depends on this one,
# and it depends on its bucket only.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "housekeeping"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  dynamic "rule" {
    for_each = each.value.expiring

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.days
      }

      # In a versioned bucket an expired object becomes a noncurrent version, which must expire too.
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.logged

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this[local.log_key].id
  target_prefix = "${var.access_log_prefix}${each.key}/"

  depends_on = [aws_s3_bucket_policy.this]
}
