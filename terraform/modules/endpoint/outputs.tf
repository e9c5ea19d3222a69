output "deployments" {
  description = "Names of the endpoint configurations, by the number of the deployment."
  value       = { for number, configuration in aws_sagemaker_endpoint_configuration.this : number => configuration.name }
}

output "instance_type" {
  description = "Instance type of the current deployment; of a serverless one, that which another would have."
  value       = local.serverless ? var.instance_type : aws_sagemaker_endpoint_configuration.this[var.current].production_variants[0].instance_type
}

output "name" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}

output "rollout" {
  description = "How the traffic moves to the current deployment: ALL_AT_ONCE, CANARY, LINEAR or ROLLING."
  value       = local.rollout
}

output "serverless" {
  description = "Whether the current deployment has no instances."
  value       = local.serverless
}
