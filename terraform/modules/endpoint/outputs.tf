output "deployments" {
  description = "Names of the endpoint configurations, by the number of the deployment."
  value       = { for number, configuration in aws_sagemaker_endpoint_configuration.this : number => configuration.name }
}

output "instance_type" {
  description = "Instance type of the current deployment."
  value       = aws_sagemaker_endpoint_configuration.this[var.current].production_variants[0].instance_type
}

output "name" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}
