variable "bake_seconds" {
  description = "Seconds for which SageMaker watches the alarms after each step of a deployment."
  type        = number
  nullable    = false
}

variable "current" {
  description = "Number of the deployment that the endpoint serves, one of the releases' keys."
  type        = string
  nullable    = false
}

variable "endpoint_name" {
  description = "Name of the endpoint."
  type        = string
  nullable    = false
}

variable "inference_amis" {
  description = "Machine image of the instances, by container image, where SageMaker's default has too old a GPU driver."
  type        = map(string)
  nullable    = false
}

variable "instance_count" {
  description = "Initial number of instances where a release does not say; SageMaker resets the current number to it."
  type        = number
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the variant where a release does not say."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the instances' volumes, but for types with local disks, which take none."
  type        = string
  nullable    = false
}

variable "local_disk_families" {
  description = "Instance families with local disks, which their hardware encrypts."
  type        = list(string)
  nullable    = false
}

variable "name" {
  description = "First part of the names of models and configurations."
  type        = string
  nullable    = false
}

variable "releases" {
  description = "The releases of the current and the previous deployment, by the number of the deployment."
  type = map(object({
    id             = string
    image          = string
    instance_count = optional(number)
    instance_type  = optional(string)
    model_data_url = string
    serverless     = optional(object({ max_concurrency = number, memory_mb = number }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for release in var.releases : can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]{0,22}[a-zA-Z0-9])?$", release.id))])
    error_message = "releases: an id must be 1 to 24 letters, digits and hyphens. `./kennel releases` lists the ids."
  }

  validation {
    condition     = alltrue([for release in var.releases : can(regex("^s3://[^/]+/releases/.+\\.tar\\.gz$", release.model_data_url))])
    error_message = "releases: model_data_url must be s3://<artifact bucket>/releases/<id>/model.tar.gz: the endpoint's role can read nothing else."
  }

  validation {
    condition     = alltrue([for release in var.releases : can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[^/]+/[^:@]+[:@].+$", release.image))])
    error_message = "releases: image must be a full ECR image, <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>."
  }

  validation {
    condition     = alltrue([for release in var.releases : try(release.instance_count >= 1, release.instance_count == null)])
    error_message = "releases: instance_count must be at least 1, or null for the stack's own."
  }

  validation {
    condition     = alltrue([for release in var.releases : try(startswith(release.instance_type, "ml."), release.instance_type == null)])
    error_message = "releases: instance_type is a SageMaker type, such as ml.m5.large, or null for the stack's own."
  }
}

variable "role_arn" {
  description = "Execution role of the endpoint."
  type        = string
  nullable    = false
}

variable "rollback_alarms" {
  description = "Alarms that roll a deployment back."
  type        = list(string)
  nullable    = false
}

variable "rollout" {
  description = "How the traffic moves to a new deployment of two or more instances: ALL_AT_ONCE, CANARY, LINEAR or ROLLING."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"], var.rollout)
    error_message = "rollout must be ALL_AT_ONCE, CANARY, LINEAR or ROLLING."
  }
}

variable "rollout_percent" {
  description = "Share of the instances, rounded up to whole ones, in the canary, in each step or in each batch."
  type        = number
  nullable    = false
}

variable "startup_timeout_seconds" {
  description = "Seconds that a new instance's container has to pass the health check."
  type        = number
  nullable    = false
}

variable "termination_wait_seconds" {
  description = "Seconds for which SageMaker watches the alarms before it terminates the old instances."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Name of the variant; it must be the same for all releases."
  type        = string
  nullable    = false
}
