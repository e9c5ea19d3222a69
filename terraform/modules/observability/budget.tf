# The monthly cost limit of the stack: of what carries its Stack tag, in its region. AWS counts costs by a tag from
# the day on which it is activated as a cost allocation tag of the account.

resource "aws_budgets_budget" "this" {
  name         = "${var.name}-monthly-${var.region}"
  budget_type  = "COST"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Stack$%s", var.stack_tag)]
  }

  cost_filter {
    name   = "Region"
    values = [var.region]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = var.emails
      subscriber_sns_topic_arns  = [aws_sns_topic.alarms.arn]
    }
  }

  # AWS Budgets checks at creation that it may publish to the topic.
  depends_on = [aws_sns_topic_policy.alarms]
}
