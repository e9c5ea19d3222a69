data "aws_iam_policy_document" "fail_pass_and_create" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::123456789012:role/*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    actions   = ["sagemaker:CreateNotebookInstance"]
    resources = ["arn:aws:sagemaker:us-east-1:123456789012:notebook-instance/mine"]
  }
}

data "aws_iam_policy_document" "pass_one_role" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::123456789012:role/training"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    actions   = ["sagemaker:CreateNotebookInstance"]
    resources = ["arn:aws:sagemaker:us-east-1:123456789012:notebook-instance/mine"]
  }
}

resource "aws_iam_policy" "fail_policy_version" {
  name = "x"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "iam:CreatePolicyVersion", Resource = "arn:aws:iam::123456789012:policy/*" },
    ]
  })
}

resource "aws_iam_policy" "pass_own_policy" {
  name = "x"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "iam:CreatePolicyVersion", Resource = "arn:aws:iam::123456789012:policy/release" },
    ]
  })
}
