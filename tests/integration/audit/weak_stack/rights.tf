# Nothing here is granted on exactly "*" that need not be: this is how such policies look after a first clean-up.

resource "aws_iam_role_policy" "w05_pass_and_create_function" {
  role = "pipeline"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::${local.account}:role/*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      { Effect = "Allow", Action = "lambda:CreateFunction", Resource = "arn:aws:lambda:us-east-1:${local.account}:function:dogs" },
    ]
  })
}

data "aws_iam_policy_document" "w06_pass_and_create_notebook" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${local.account}:role/*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
  statement {
    actions   = ["sagemaker:CreateNotebookInstance"]
    resources = ["arn:aws:sagemaker:us-east-1:${local.account}:notebook-instance/dogs"]
  }
}

data "aws_iam_policy_document" "w07_policy_version" {
  statement {
    actions   = ["iam:CreatePolicyVersion"]
    resources = ["arn:aws:iam::${local.account}:policy/*"]
  }
}

resource "aws_iam_policy" "w08_attach_policy" {
  name = "attach"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "arn:aws:iam::${local.account}:role/*" }]
  })
}

data "aws_iam_policy_document" "w09_put_policy" {
  statement {
    actions   = ["iam:PutRolePolicy"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "w10_change_trust" {
  statement {
    actions   = ["iam:UpdateAssumeRolePolicy"]
    resources = ["arn:aws:iam::${local.account}:role/*"]
  }
}

data "aws_iam_policy_document" "w11_any_endpoint" {
  statement {
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "w12_create_anything" {
  role = "pipeline"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sagemaker:CreateEndpoint*", "sagemaker:CreateModel"], Resource = "*" }]
  })
}

data "aws_iam_policy_document" "w13_jobs_anywhere" {
  statement {
    actions   = ["sagemaker:CreateTrainingJob"]
    resources = ["arn:aws:sagemaker:us-east-1:${local.account}:training-job/dogs-*"]
  }
}

resource "aws_iam_role_policy" "w14_rendered" {
  role   = "pipeline"
  policy = templatefile("${path.module}/policy.json.tftpl", local.rendered)
}

resource "aws_iam_role_policy_attachment" "w15_named_by_a_variable" {
  role       = "pipeline"
  policy_arn = "arn:aws:iam::aws:policy/${var.access}"
}
