# The function that invokes the endpoint, its alias, and its reserved and provisioned concurrency.

resource "aws_sqs_queue" "dead_letters" {
  name                      = var.dead_letter_queue_name
  message_retention_seconds = 1209600

  # SQS's own key: the stack's key would require a key policy for every sender and delays the first apply by
  # half a minute.
  sqs_managed_sse_enabled = true
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_117:It downloads photos from the public internet, which the private network cannot reach
  #checkov:skip=CKV_AWS_272:One account builds and deploys the zip, and its hash is in the state; a signing profile would be used by the same account
  function_name = var.name
  description   = "Predicts breeds through the endpoint ${var.environment.ENDPOINT_NAME}"
  role          = var.role_arn
  runtime       = "python3.12"
  handler       = "app.handler"
  architectures = ["x86_64"]
  memory_size   = var.memory_mb
  timeout       = var.timeout_seconds

  # A relative path: an absolute one would be a change on every other machine.
  filename         = var.package
  source_code_hash = fileexists(var.package) ? filebase64sha256(var.package) : null

  publish                        = true
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.key_arn

  environment {
    variables = var.environment
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  logging_config {
    log_format = "JSON"
    log_group  = var.log_group
  }

  tracing_config {
    mode = "Active"
  }

  lifecycle {
    precondition {
      condition     = fileexists(var.package)
      error_message = "The function's package ${var.package} does not exist: run `./kennel stack.build` first, which builds it."
    }
  }
}

resource "aws_lambda_alias" "this" {
  name             = "live"
  description      = "The alias that callers invoke"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

# Scaling changes the number, which is no change of this configuration; another configuration makes it anew.
resource "terraform_data" "provisioned_concurrency" {
  input = var.provisioned_concurrency
}

resource "aws_lambda_provisioned_concurrency_config" "this" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.this.name
  provisioned_concurrent_executions = var.provisioned_concurrency

  lifecycle {
    ignore_changes       = [provisioned_concurrent_executions]
    replace_triggered_by = [terraform_data.provisioned_concurrency]
  }
}
