variable "account_id" {
  description = "Account whose principals may use the S3 gateway endpoint."
  type        = string
  nullable    = false
}

variable "availability_zones" {
  description = "Availability zones, each with one private subnet."
  type        = list(string)
  nullable    = false
}

variable "bucket_arns" {
  description = "Buckets that the S3 gateway endpoint allows."
  type        = list(string)
  nullable    = false
}

variable "cidr_block" {
  description = "Address range of the VPC; each zone's subnet is a sixteenth of it."
  type        = string
  nullable    = false
}

variable "flow_log_group" {
  description = "Log group that receives the flow logs."
  type        = object({ arn = string, name = string })
  nullable    = false
}

variable "interface_endpoint_zones" {
  description = "Number of zones in which each interface endpoint has an address; other zones use it across zones."
  type        = number
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS APIs with an interface endpoint, by the last part of their service name (sagemaker.api, logs…)."
  type        = set(string)
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "Partition of every ARN (aws, aws-cn, aws-us-gov)."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the service names."
  type        = string
  nullable    = false
}
