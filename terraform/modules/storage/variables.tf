variable "access_log_days" {
  description = "Days after which server access logs expire."
  type        = number
  default     = 365
  nullable    = false
}

variable "access_log_prefix" {
  description = "Prefix of the server access logs in the log bucket, ending in a slash."
  type        = string
  default     = "s3/"
  nullable    = false
}

variable "account_id" {
  description = "Account that owns the buckets and the key."
  type        = string
  nullable    = false
}

variable "bucket_names" {
  description = "Names of the three buckets."
  type = object({
    artifacts = string
    data      = string
    logs      = string
  })
  nullable = false
}

variable "checkpoint_days" {
  description = "Days after which training checkpoints expire."
  type        = number
  default     = 30
  nullable    = false
}

variable "force_destroy" {
  description = "Whether destroy also deletes the buckets' contents."
  type        = bool
  default     = false
  nullable    = false
}

variable "inbox_days" {
  description = "Days after which photos for prediction expire."
  type        = number
  default     = 1
  nullable    = false
}

variable "key_deletion_days" {
  description = "Waiting period in days before KMS deletes a destroyed key."
  type        = number
  default     = 30
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names; also the key's alias."
  type        = string
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days for which overwritten or deleted objects can be restored."
  type        = number
  default     = 30
  nullable    = false
}

variable "partition" {
  description = "Partition of every ARN (aws, aws-cn, aws-us-gov)."
  type        = string
  nullable    = false
}

variable "protected" {
  description = "Whether every plan is refused that destroys or replaces the key or a bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "region" {
  description = "Region whose log service may use the key."
  type        = string
  nullable    = false
}
