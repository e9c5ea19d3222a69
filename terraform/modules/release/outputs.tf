output "parameter" {
  description = "Name of the parameter that holds the record."
  value       = aws_ssm_parameter.this.name
}

output "record" {
  description = "The record: the number of the last deployment, the current deployment and the previous one, which may be null."
  value       = jsondecode(aws_ssm_parameter.this.insecure_value)
}
