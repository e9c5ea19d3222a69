output "audience" {
  description = "For whom GitHub's tokens must be."
  value       = local.audience
}

output "issuer" {
  description = "Who must have signed the tokens."
  value       = "https://${local.issuer}"
}

# Depends on the policies: a role is ready when it has them.
output "roles" {
  description = "ARN of each role, and the subjects that may assume it."
  value = {
    for key, role in aws_iam_role.this : key => { arn = role.arn, subjects = local.roles[key].subjects }
  }

  depends_on = [aws_iam_role_policy.planning, aws_iam_role_policy_attachment.deploying]
}
