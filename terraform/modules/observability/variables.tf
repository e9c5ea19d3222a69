variable "account_id" {
  description = "Account whose alarms and budget may publish."
  type        = string
  nullable    = false
}

variable "budget_usd" {
  description = "Monthly limit in US dollars."
  type        = number
  nullable    = false
}

variable "dead_letter_queue_name" {
  description = "Queue whose depth raises an alarm."
  type        = string
  nullable    = false
}

variable "emails" {
  description = "E-mail addresses that receive alarms and budget notifications."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "endpoint" {
  description = "Name of the endpoint with alarms, and whether it exists."
  type        = object({ deployed = bool, name = string, variant = string })
  nullable    = false
}

variable "function_name" {
  description = "Name of the function with alarms."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the log groups and the topic."
  type        = string
  nullable    = false
}

variable "latency_minutes" {
  description = "Minutes for which the p99 latency must exceed its limit before the alarm goes off."
  type        = number
  nullable    = false
}

variable "latency_p99_ms" {
  description = "Limit of the p99 latency in milliseconds."
  type        = number
  nullable    = false
}

variable "log_groups" {
  description = "Log groups to create: name by workload. One of them is the function's."
  type        = map(string)
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the stack: of the dashboard's metrics and of the budget's costs."
  type        = string
  nullable    = false
}

variable "retention_days" {
  description = "Retention of logs in days."
  type        = number
  nullable    = false
}

variable "stack_tag" {
  description = "Value of the Stack tag that the budget filters by."
  type        = string
  nullable    = false
}
