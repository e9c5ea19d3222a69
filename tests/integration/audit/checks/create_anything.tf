data "aws_iam_policy_document" "fail_invoke" {
  statement {
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "pass_invoke" {
  statement {
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = ["arn:aws:sagemaker:us-east-1:123456789012:endpoint/dogs"]
  }

  # For this action AWS has no resource type.
  statement {
    actions   = ["sns:CreatePlatformApplication"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "fail_create" {
  role = "x"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sagemaker:Create*"], Resource = "*" }]
  })
}

resource "aws_iam_role_policy" "pass_create" {
  role = "x"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sagemaker:CreateModel", Resource = "arn:aws:sagemaker:us-east-1:123456789012:model/dogs-*" },
    ]
  })
}
