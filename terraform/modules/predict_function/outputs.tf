output "alias" {
  description = "Name of the alias that callers invoke."
  value       = aws_lambda_alias.this.name
}

output "alias_arn" {
  description = "ARN of the alias."
  value       = aws_lambda_alias.this.arn
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead_letters.url
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "url" {
  description = "URL of the alias; null without one."
  value       = one(aws_lambda_function_url.this[*].function_url)
}

output "url_policy_arn" {
  description = "ARN of the policy that allows to call the URL; null without one."
  value       = one(aws_iam_policy.url_caller[*].arn)
}
