# Statements that several workloads share; their policies include these.

data "aws_iam_policy_document" "reads_inputs" {
  statement {
    sid       = "ListInputs"
    actions   = ["s3:ListBucket"]
    resources = [local.arn.data]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["datasets/*", "pretrained/*"]
    }
  }

  statement {
    sid       = "ReadInputs"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn.data}/datasets/*", "${local.arn.data}/pretrained/*"]
  }
}
