output "policy" {
  description = "Name of the scaling policy."
  value       = aws_appautoscaling_policy.this.name
}

output "resource_id" {
  description = "What is scaled, in Application Auto Scaling's words."
  value       = aws_appautoscaling_target.this.resource_id
}
