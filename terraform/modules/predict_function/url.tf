# The URL of the alias, if it has one, and the policy for those who may call it.

resource "aws_lambda_function_url" "this" {
  count = var.url ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.this.name
  authorization_type = "AWS_IAM"
}

# Since October 2025 a URL requires both permissions. For a caller of the function's own account they may be in the
# caller's policies or in the function's; the latter could not be restricted to the URL, because provider 5.100 has
# no argument for the second condition, without which lambda:InvokeFunction allows every invocation.
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
data "aws_iam_policy_document" "url_caller" {
  statement {
    sid       = "CallUrl"
    actions   = ["lambda:InvokeFunctionUrl"]
    resources = [aws_lambda_alias.this.arn]

    condition {
      test     = "StringEquals"
      variable = "lambda:FunctionUrlAuthType"
      values   = ["AWS_IAM"]
    }
  }

  statement {
    sid       = "InvokeThroughUrl"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_alias.this.arn]

    condition {
      test     = "Bool"
      variable = "lambda:InvokedViaFunctionUrl"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "url_caller" {
  count = var.url ? 1 : 0

  name        = "${var.name}-call-url-${var.region}"
  description = "Allows to call the URL of ${var.name}, and nothing else"
  policy      = data.aws_iam_policy_document.url_caller.json
}
