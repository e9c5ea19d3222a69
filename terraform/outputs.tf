output "account_id" {
  description = "Account of the stack."
  value       = local.account_id
}

output "artifact_bucket" {
  description = "Bucket of models, code and releases."
  value       = module.storage.artifact_bucket
}

output "autoscaling" {
  description = "The scalable target, its limits and the target of its metric; null without a deployed release, while the stack is asleep, and for a serverless one."
  value = local.scaled ? {
    max_instances = var.autoscaling.max_instances
    metric        = var.autoscaling.metric
    min_instances = var.autoscaling.min_instances
    policy        = module.autoscaling[0].policy
    resource_id   = module.autoscaling[0].resource_id
    target_value  = local.scaling_target
  } : null
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}

output "data_bucket" {
  description = "Bucket of datasets, pretrained weights and the inbox."
  value       = module.storage.data_bucket
}

output "delivery" {
  description = "The roles of the pipeline on GitHub: their ARNs, the subjects, issuer and audience of its tokens; null if there are none."
  value       = one(module.delivery)
}

output "endpoint" {
  description = "Names of the endpoint, the deployment that it serves, if any, and the settings of the next one. asleep: there is no endpoint until ./kennel stack.wake."
  value = {
    asleep         = local.asleep
    deployed       = local.deployed
    deployment     = try(local.record.current.deployment, null)
    image          = local.inference_image
    inference_amis = local.inference_amis
    instance_count = var.endpoint.instance_count
    instance_type  = var.endpoint.instance_type
    log_group      = local.log_groups.endpoint
    name           = local.endpoint_name
    release_id     = try(local.record.current.id, null)
    serverless     = var.endpoint.serverless
    variant        = local.variant

    startup_timeout_seconds = var.endpoint.startup_timeout_seconds
  }
}

output "function" {
  description = "The function that invokes the endpoint; arn is that of the alias. url and url_policy_arn, of the policy that allows to call it, are null without a URL."
  value = {
    alias                 = module.predict_function.alias
    arn                   = module.predict_function.alias_arn
    dead_letter_queue_url = module.predict_function.dead_letter_queue_url
    log_group             = local.log_groups.function
    name                  = module.predict_function.name
    url                   = module.predict_function.url
    url_policy_arn        = module.predict_function.url_policy_arn
  }
}

output "kms_key_arn" {
  description = "KMS key that encrypts all data at rest."
  value       = module.storage.key_arn
}

output "local_disk_families" {
  description = "Instance families with local disks, for whose volumes SageMaker takes no KMS key."
  value       = local.local_disk_families
}

output "log_bucket" {
  description = "Bucket of the server access logs."
  value       = module.storage.log_bucket
}

output "model_package_group" {
  description = "Group of the releases in SageMaker's model registry."
  value       = module.release.registry
}

output "name" {
  description = "Prefix of the stack's names."
  value       = local.name
}

output "network" {
  description = "In how many zones each interface endpoint is, and is billed."
  value       = { interface_endpoint_zones = var.network.interface_endpoint_zones }
}

output "notebook" {
  description = "The notebook instance; null if it is switched off."
  value       = var.notebook.enabled ? { name = module.notebook[0].name } : null
}

output "notebook_prefix" {
  description = "Prefix in the artifact bucket of what the notebook uploads, candidates for a release apart."
  value       = local.notebook_prefix
}

output "proof_endpoint" {
  description = "Name and log group of the endpoint on which a deployment proves a release before it has traffic. Terraform does not make it."
  value = {
    log_group = local.log_groups.proof
    name      = local.proof_endpoint_name
  }
}

output "region" {
  description = "Region of the stack."
  value       = var.region
}

output "release_parameter" {
  description = "SSM parameter with the record of what is deployed."
  value       = module.release.parameter
}

output "roles" {
  description = "ARN of each workload's role."
  value       = module.identity.roles
}

output "tags" {
  description = "Tags of everything that belongs to the stack."
  value       = local.tags
}

output "training" {
  description = "Settings of training jobs."
  value = {
    image              = local.training_images[local.accelerators.training]
    instance_type      = var.training.instance_type
    log_group          = local.log_groups.training
    security_group_ids = module.network.security_group_ids
    subnet_ids         = module.network.subnet_ids
  }
}

output "training_host" {
  description = "The EC2 host; null if it is switched off."
  value = var.training_host.enabled ? {
    instance_id = module.training_host[0].instance_id
    log_group   = local.log_groups.training_host
  } : null
}

output "training_images" {
  description = "Images of training jobs: by accelerator, and the pattern of the instance types that have a GPU."
  value = {
    by_accelerator     = local.training_images
    gpu_instance_types = local.image_table.gpu_instance_types
  }
}
