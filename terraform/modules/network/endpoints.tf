# VPC endpoints. The S3 gateway is free; each interface endpoint is billed per hour and zone.

data "aws_iam_policy_document" "s3" {
  # The gateway's policy allows the stack's own buckets only, so that code cannot write to other buckets.
  statement {
    sid = "OwnBuckets"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = flatten([for arn in var.bucket_arns : [arn, "${arn}/*"]])

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this.id]
  policy            = data.aws_iam_policy_document.s3.json

  tags = { Name = "${var.name}-s3" }
}

# An interface endpoint gives access to the API of every account. This policy lets only this account's principals
# through, so that credentials of another account, brought into the network, cannot send data there.
data "aws_iam_policy_document" "interface" {
  #checkov:skip=CKV_AWS_1:The policy of a VPC endpoint grants nothing: it limits what the principals' own policies grant
  #checkov:skip=CKV_AWS_49:The policy of a VPC endpoint grants nothing: it limits what the principals' own policies grant
  #checkov:skip=CKV_KENNEL_4:The policy of a VPC endpoint grants nothing: it limits what the principals' own policies grant
  #checkov:skip=CKV_KENNEL_6:The policy of a VPC endpoint grants nothing: it limits what the principals' own policies grant
  statement {
    sid       = "OwnPrincipals"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_vpc_endpoint" "this" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.endpoints.id]
  policy              = data.aws_iam_policy_document.interface.json
  subnet_ids          = [for zone in slice(var.availability_zones, 0, var.interface_endpoint_zones) : aws_subnet.this[zone].id]

  tags = { Name = "${var.name}-${each.key}" }
}
