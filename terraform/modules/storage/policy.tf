# Bucket policies: deny access without TLS and changes of releases, and allow the log service to write to the log
# bucket.

locals {
  artifacts_key = "artifacts"
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid     = "DenyWithoutTls"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      "arn:${var.partition}:s3:::${each.value.name}",
      "arn:${var.partition}:s3:::${each.value.name}/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # A release is written once, by whoever may write: only a request with If-None-Match creates an object, and S3 refuses
  # it where there is one. The parts of an upload are no object until it is completed, with the same condition.
  dynamic "statement" {
    for_each = each.key == local.artifacts_key ? [each.value.name] : []

    content {
      sid       = "WriteReleasesOnce"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["arn:${var.partition}:s3:::${statement.value}/releases/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "Null"
        variable = "s3:if-none-match"
        values   = ["true"]
      }

      condition {
        test     = "Bool"
        variable = "s3:ObjectCreationOperation"
        values   = ["true"]
      }
    }
  }

  # A deleted release could be written anew. Terraform removes this policy before it empties and removes the bucket.
  dynamic "statement" {
    for_each = each.key == local.artifacts_key ? [each.value.name] : []

    content {
      sid       = "KeepReleases"
      effect    = "Deny"
      actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      resources = ["arn:${var.partition}:s3:::${statement.value}/releases/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == local.log_key ? [each.value.name] : []

    content {
      sid       = "AccessLogDelivery"
      actions   = ["s3:PutObject"]
      resources = ["arn:${var.partition}:s3:::${statement.value}/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [for bucket in local.logged : "arn:${var.partition}:s3:::${bucket.name}"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 rejects a policy during a change of the bucket's public access block.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
