output "policy" {
  description = "Name of the scaling policy."
  value       = aws_appautoscaling_policy.this.name
}

output "resource_id" {
  description = "Resource id of the scalable target, in the form of Application Auto Scaling."
  value       = aws_appautoscaling_target.this.resource_id
}
