variable "actions" {
  type = list(string)
}

resource "aws_iam_role_policy" "fail_template" {
  role   = "x"
  policy = templatefile("${path.module}/policy.json.tftpl", { bucket = "bucket" })
}

resource "aws_iam_role_policy" "pass_document" {
  role   = "x"
  policy = data.aws_iam_policy_document.pass_spelled_out.json
}

data "aws_iam_policy_document" "fail_variable" {
  statement {
    actions   = var.actions
    resources = ["arn:aws:s3:::bucket"]
  }
}

data "aws_iam_policy_document" "pass_spelled_out" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::bucket/*"]
  }
}
