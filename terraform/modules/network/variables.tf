variable "account_id" {
  description = "Account whose principals may pass the S3 gateway."
  type        = string
  nullable    = false
}

variable "availability_zones" {
  description = "Zones that get a private subnet each."
  type        = list(string)
  nullable    = false
}

variable "bucket_arns" {
  description = "Buckets that the S3 gateway opens."
  type        = list(string)
  nullable    = false
}

variable "cidr_block" {
  description = "Address range of the network; a sixteenth of it goes to each zone."
  type        = string
  nullable    = false
}

variable "flow_log_group" {
  description = "Log group that receives the flow logs."
  type        = object({ arn = string, name = string })
  nullable    = false
}

variable "interface_endpoint_zones" {
  description = "In how many of the zones each interface endpoint has an address; the others reach it across."
  type        = number
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS APIs reachable from inside, by the last part of their service name (sagemaker.api, logs…)."
  type        = set(string)
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the service names."
  type        = string
  nullable    = false
}
