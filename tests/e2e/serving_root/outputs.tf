# The members of the stack's outputs that a deployment reads.

output "artifact_bucket" { value = "serving-artifacts" }

output "endpoint" {
  value = {
    deployed       = local.deployed
    image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
    inference_amis = {}
    instance_count = 1
    instance_type  = var.instance_type
    name           = local.endpoint_name
    release_id     = try(local.record.current.id, null)
    variant        = local.variant

    startup_timeout_seconds = 60
  }
}

output "function" {
  value = {
    alias     = module.predict_function.alias
    log_group = aws_cloudwatch_log_group.function.name
    name      = module.predict_function.name
  }
}

output "kms_key_arn" { value = var.key_arn }

output "local_disk_families" { value = [] }

output "name" { value = local.name }

output "proof_endpoint" {
  value = { log_group = "/aws/sagemaker/Endpoints/${local.name}-proof", name = "${local.name}-proof" }
}

output "release_parameter" { value = module.release.parameter }

output "roles" { value = { endpoint = var.role_arn } }

output "tags" { value = { Stack = local.name } }
