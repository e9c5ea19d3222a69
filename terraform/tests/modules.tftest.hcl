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
    role_arn               = "arn:aws:iam::123456789012:role/kennel-local-function"
    timeout_seconds        = 30
  }

  expect_failures = [aws_lambda_function.this]
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
