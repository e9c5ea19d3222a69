# The buckets: data (photos in), artifacts (models and code out), logs (who read what).

locals {
  log_key = "logs"

  # What each bucket forgets, beyond the rules that all of them share.
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
  #checkov:skip=CKV_AWS_144:One region by design: photos are fetched again and releases rebuilt from their training job
  #checkov:skip=CKV_AWS_145:Data and artifacts are encrypted with the stack's key; the log bucket cannot be, for S3 delivers no access logs to an SSE-KMS bucket
  #checkov:skip=CKV2_AWS_62:Nothing is started by an upload, so there is nobody to notify
  for_each = local.buckets

  bucket        = each.value.name
  force_destroy = var.force_destroy
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

# S3 refuses to deliver server access logs to a bucket that encrypts with SSE-KMS, so this one
# encrypts with S3's own key.
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

# The provider waits almost a minute for a lifecycle to settle, so nothing waits for this resource and
# it waits for nothing but its bucket.
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

      # In a versioned bucket an expired object lives on as a noncurrent version: end that one too.
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
