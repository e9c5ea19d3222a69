# Attached by a literal, by an interpolation, in a loop, looked up, and passed to a module.
resource "aws_iam_role_policy_attachment" "fail_literal" {
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
}

data "aws_partition" "here" {}

resource "aws_iam_role_policy_attachment" "fail_partition" {
  role       = "x"
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "fail_loop" {
  for_each   = toset(["AmazonEC2FullAccess"])
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_iam_role" "fail_managed" {
  name                = "x"
  assume_role_policy  = data.aws_iam_policy_document.pass_source_account.json
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
}

resource "aws_iam_role_policy_attachment" "pass_narrow" {
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

data "aws_iam_policy" "fail_looked_up" {
  name = "AmazonS3FullAccess"
}

data "aws_iam_policy" "pass_looked_up" {
  name = "AmazonSSMManagedInstanceCore"
}

module "fail_passed_on" {
  source   = "./attach"
  policies = ["arn:aws:iam::aws:policy/PowerUserAccess"]
}

module "pass_passed_on" {
  source   = "./attach"
  policies = ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
}
