variable "name" {
  description = "Name of the parameter that holds the record."
  type        = string
  nullable    = false
}

variable "registry_name" {
  description = "Name of the group of releases in SageMaker's model registry."
  type        = string
  nullable    = false
}
