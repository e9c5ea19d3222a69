# Variables for delivery: the roles in which a pipeline on GitHub plans and deploys this stack.

variable "delivery" {
  description = "The pipeline on GitHub; no repository makes no roles. environment is GitHub's, the stack's own name if null. An account has one provider for GitHub: provider_arn names it if another stack has made it."
  type = object({
    branch       = optional(string, "main")
    environment  = optional(string)
    provider_arn = optional(string)
    repository   = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.delivery.repository == null || can(regex("^[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.delivery.repository))
    error_message = "delivery.repository must be one repository as GitHub's tokens name it, without wildcards: octo-org/hounds, or octo-org@123456/hounds@456789 with immutable subjects (docs/delivery.md)."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.delivery.branch))
    error_message = "delivery.branch must be the name of one branch, without wildcards: write main."
  }

  validation {
    condition     = var.delivery.environment == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", var.delivery.environment))
    error_message = "delivery.environment must be the name of one of the repository's environments, without wildcards and colons: write prod."
  }

  validation {
    condition     = var.delivery.provider_arn == null || can(regex("^arn:[^:*]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.delivery.provider_arn))
    error_message = "delivery.provider_arn must be the ARN of GitHub's provider: arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com."
  }
}
