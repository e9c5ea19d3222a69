output "alarm_topic_arn" {
  description = "Topic that alarms and the budget publish to."
  value       = aws_sns_topic.alarms.arn
}

output "budget" {
  description = "Name of the budget."
  value       = aws_budgets_budget.this.name
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "log_groups" {
  description = "Name and ARN of each managed log group."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => { arn = group.arn, name = group.name } }
}

output "rollback_alarms" {
  description = "Names of the alarms that trigger a roll-back."
  value       = [for key in keys(local.endpoint_alarms) : aws_cloudwatch_metric_alarm.this[key].alarm_name]
}
