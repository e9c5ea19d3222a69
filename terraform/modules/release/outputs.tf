output "parameter" {
  description = "Name of the parameter that holds the record."
  value       = aws_ssm_parameter.this.name
}

output "record" {
  description = "The record: the number of the last deployment, the current deployment and the previous one, which may be null, and asleep if the stack sleeps."
  # Sensitive in the provider's schema, which a SecureString needs; the keys of for_each must not be.
  value = jsondecode(nonsensitive(aws_ssm_parameter.this.value))
}

output "registry" {
  description = "Name of the group of releases in SageMaker's model registry."
  value       = aws_sagemaker_model_package_group.registry.model_package_group_name
}
