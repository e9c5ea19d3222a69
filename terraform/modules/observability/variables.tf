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
  description = "Who hears of alarms and the budget."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "endpoint" {
  description = "The endpoint to watch, and whether it exists."
  type        = object({ deployed = bool, name = string, variant = string })
  nullable    = false
}

variable "function_name" {
  description = "The function to watch."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the log groups and the topic."
  type        = string
  nullable    = false
}

variable "latency_p99_ms" {
  description = "Milliseconds that the slowest hundredth of answers may take."
  type        = number
  nullable    = false
}

variable "log_groups" {
  description = "Log groups to make: name by who writes."
  type        = map(string)
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Value of the Project tag that the budget filters by."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region that the dashboard shows."
  type        = string
  nullable    = false
}

variable "retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
}
