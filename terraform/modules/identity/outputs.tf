output "instance_profile" {
  description = "Instance profile of the training host."
  value       = aws_iam_instance_profile.this.name
}

# Depends on the policies, because Lambda, for example, checks a role's permissions at creation.
output "roles" {
  description = "ARN of each workload's role."
  value       = { for key, role in aws_iam_role.this : key => role.arn }

  depends_on = [aws_iam_role_policy.this]
}
