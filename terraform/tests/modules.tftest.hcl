# Single modules: behaviour that tests of the root cannot check.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_missing_package_names_the_command_that_builds_it" {
  command = plan

  module {
    source = "./modules/predict_function"
  }

  variables {
    dead_letter_queue_name = "kennel-local-predict-dead-letters"
    environment            = { ENDPOINT_NAME = "kennel-local-classifier" }
    key_arn                = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_group              = "/aws/lambda/kennel-local-predict"
    memory_mb              = 512
    name                   = "kennel-local-predict"
    package                = "never-built.zip"
    region                 = "us-east-1"
    role_arn               = "arn:aws:iam::123456789012:role/kennel-local-function"
    timeout_seconds        = 30
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_url_answers_signed_requests_of_the_alias_only" {
  command = plan

  module {
    source = "./modules/predict_function"
  }

  variables {
    dead_letter_queue_name = "kennel-local-predict-dead-letters"
    environment            = { ENDPOINT_NAME = "kennel-local-classifier" }
    key_arn                = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_group              = "/aws/lambda/kennel-local-predict"
    memory_mb              = 512
    name                   = "kennel-local-predict"
    package                = "main.tf"
    region                 = "us-east-1"
    role_arn               = "arn:aws:iam::123456789012:role/kennel-local-function"
    timeout_seconds        = 30
    url                    = true
  }

  assert {
    condition     = one(aws_lambda_function_url.this).authorization_type == "AWS_IAM" && one(aws_lambda_function_url.this).qualifier == "live"
    error_message = "The URL must require signed requests, and lead to the alias."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.url_caller.statement :
      one(statement.actions) => [one(statement.condition).variable, one(one(statement.condition).values)]
      } == {
      "lambda:InvokeFunction"    = ["lambda:InvokedViaFunctionUrl", "true"]
      "lambda:InvokeFunctionUrl" = ["lambda:FunctionUrlAuthType", "AWS_IAM"]
    }
    error_message = "A caller needs both permissions, restricted to the URL."
  }
}

run "buckets_with_photos_and_models_use_the_stacks_key" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    account_id   = "123456789012"
    bucket_names = { artifacts = "a", data = "d", logs = "l" }
    name         = "kennel-local"
    partition    = "aws"
    region       = "us-east-1"
  }

  assert {
    condition = alltrue([
      for key in ["artifacts", "data"] :
      one(one(aws_s3_bucket_server_side_encryption_configuration.this[key].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    ])
    error_message = "Data and artifacts must be encrypted with KMS; checkov's check is suppressed because of the log bucket."
  }

  assert {
    condition     = toset(keys(aws_s3_bucket_versioning.this)) == toset(["artifacts", "data", "logs"])
    error_message = "Every bucket must keep versions."
  }

  assert {
    condition = alltrue(flatten([
      for bucket in aws_s3_bucket_lifecycle_configuration.this : [
        anytrue([for rule in bucket.rule : length(rule.abort_incomplete_multipart_upload) > 0]),
        anytrue([for rule in bucket.rule : length(rule.noncurrent_version_expiration) > 0]),
      ]
    ]))
    error_message = "Every bucket must expire incomplete uploads and noncurrent versions."
  }

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this["data"].rule :
      try(one(rule.filter).prefix == "inbox/" && one(rule.expiration).days == 1, false)
    ])
    error_message = "Photos for prediction must expire after one day."
  }
}

run "a_new_host_has_the_image_that_awss_parameter_names" {
  command = plan

  module {
    source = "./modules/training_host"
  }

  variables {
    ami_parameter      = "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.12-ubuntu-24.04/latest/ami-id"
    instance_profile   = "kennel-local-training-host"
    instance_type      = "m5.xlarge"
    key_arn            = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    name               = "kennel-local-training-host"
    security_group_ids = ["sg-0"]
    subnet_id          = "subnet-0"
    user_data          = "#!/bin/bash"
    volume_gb          = 80
  }

  assert {
    condition     = aws_instance.this.ami == "ami-0123456789abcdef0"
    error_message = "A new host must have the newest image of AWS's family."
  }
}

run "a_pinned_image_needs_no_parameter" {
  command = apply

  module {
    source = "./modules/training_host"
  }

  variables {
    ami_id             = "ami-00000000000000001"
    ami_parameter      = "/aws/service/deeplearning/ami/x86_64/never-published-pytorch/latest/ami-id"
    instance_profile   = "kennel-local-training-host"
    instance_type      = "m5.xlarge"
    key_arn            = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    name               = "kennel-local-training-host"
    security_group_ids = ["sg-0"]
    subnet_id          = "subnet-0"
    user_data          = "#!/bin/bash"
    volume_gb          = 80
  }

  assert {
    condition     = aws_instance.this.ami == "ami-00000000000000001" && length(data.aws_ssm_parameters_by_path.ami) == 0
    error_message = "ami_id must be used, without reading AWS's parameter."
  }
}

run "a_withdrawn_image_neither_replaces_the_host_nor_fails_the_plan" {
  command = plan

  module {
    source = "./modules/training_host"
  }

  variables {
    ami_id             = null
    ami_parameter      = "/aws/service/deeplearning/ami/x86_64/never-published-pytorch/latest/ami-id"
    instance_profile   = "kennel-local-training-host"
    instance_type      = "m5.xlarge"
    key_arn            = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    name               = "kennel-local-training-host"
    security_group_ids = ["sg-0"]
    subnet_id          = "subnet-0"
    user_data          = "#!/bin/bash"
    volume_gb          = 80
  }

  expect_failures = [check.image]

  assert {
    condition     = aws_instance.this.ami == "ami-00000000000000001"
    error_message = "A host must keep its image when AWS publishes none any more."
  }
}

run "errors_that_the_function_answers_raise_an_alarm_and_the_budget_is_the_stacks" {
  command = plan

  module {
    source = "./modules/observability"
  }

  variables {
    account_id             = "123456789012"
    budget_usd             = 50
    dead_letter_queue_name = "kennel-dev-predict-dead-letters"
    endpoint               = { deployed = false, name = "kennel-dev-classifier", variant = "AllTraffic" }
    function_name          = "kennel-dev-predict"
    key_arn                = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    latency_minutes        = 3
    latency_p99_ms         = 2000
    log_groups             = { function = "/aws/lambda/kennel-dev-predict" }
    name                   = "kennel-dev"
    region                 = "us-east-1"
    retention_days         = 30
    stack_tag              = "kennel-dev"
  }

  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.function_errors.log_group_name == "/aws/lambda/kennel-dev-predict"
      && aws_cloudwatch_metric_alarm.this["function-error-lines"].metric_name == one(aws_cloudwatch_log_metric_filter.function_errors.metric_transformation).name
      && aws_cloudwatch_metric_alarm.this["function-error-lines"].namespace == one(aws_cloudwatch_log_metric_filter.function_errors.metric_transformation).namespace
    )
    error_message = "The alarm must watch the metric that the function's ERROR lines are counted in."
  }

  assert {
    condition     = aws_budgets_budget.this.name == "kennel-dev-monthly-us-east-1"
    error_message = "Budgets belong to the account: their names must contain the environment and the region."
  }

  assert {
    condition = {
      for filter in aws_budgets_budget.this.cost_filter : filter.name => tolist(filter.values)
    } == { Region = tolist(["us-east-1"]), TagKeyValue = tolist(["user:Stack$kennel-dev"]) }
    error_message = "The budget must count this stack's costs only."
  }
}
