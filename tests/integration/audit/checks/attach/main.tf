variable "policies" {
  type = list(string)
}

resource "aws_iam_role_policy_attachment" "this" {
  count      = length(var.policies)
  role       = "x"
  policy_arn = var.policies[count.index]
}
