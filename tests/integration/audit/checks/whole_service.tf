data "aws_iam_policy_document" "fail_everything" {
  statement {
    actions   = ["*"]
    resources = ["arn:aws:s3:::bucket"]
  }
}

data "aws_iam_policy_document" "pass_one_action" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::bucket/datasets/*"]
  }
}

resource "aws_iam_role_policy" "fail_service" {
  role = "x"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:*"], Resource = "arn:aws:s3:::bucket" }]
  })
}

resource "aws_iam_role_policy" "pass_one_action" {
  role = "x"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "arn:aws:s3:::bucket/datasets/*" }]
  })
}
