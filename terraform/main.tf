# The whole stack: all values that modules receive from each other are passed here.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# AWS's images are all in one registry, whose account differs by region. The provider has the list of accounts, but
# not the names of newer repositories, so the registry comes from it and the names from images.json.
data "aws_sagemaker_prebuilt_ecr_image" "this" {
  repository_name = "pytorch-training"
  region          = var.region
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  name       = "${var.project}-${var.environment}"

  # Names are defined here, so that a role's policy can name an endpoint that is created after the role. Names of
  # buckets, and of roles, instance profile and budget, which have no region in AWS, contain it: the same
  # environment can exist in several regions.
  bucket_names = {
    for use in ["artifacts", "data", "logs"] : use => "${local.name}-${use}-${local.account_id}-${var.region}"
  }
  dead_letter_queue_name = "${local.name}-predict-dead-letters"
  endpoint_name          = "${local.name}-classifier"
  function_name          = "${local.name}-predict"
  notebook_name          = "${local.name}-notebook"
  proof_endpoint_name    = "${local.name}-proof"
  training_host_name     = "${local.name}-training-host"
  notebook_prefix        = "notebook/" # of the code that the notebook uploads for its jobs
  variant                = "AllTraffic"

  # Of everything that belongs to the stack, also of what kennel.aws creates: the budget counts by them.
  tags = {
    Environment = var.environment
    Project     = var.project
    Stack       = local.name
  }

  # SageMaker creates missing log groups itself, but without KMS key and retention.
  log_groups = {
    endpoint      = "/aws/sagemaker/Endpoints/${local.endpoint_name}"
    flow_logs     = "/${var.project}/${var.environment}/flow-logs"
    function      = "/aws/lambda/${local.function_name}"
    notebook      = "/aws/sagemaker/NotebookInstances"
    proof         = "/aws/sagemaker/Endpoints/${local.proof_endpoint_name}"
    training      = "/aws/sagemaker/TrainingJobs"
    training_host = "/${var.project}/${var.environment}/training-host"
  }
  # All stacks of an account share these two log groups; one stack may manage them, else SageMaker creates them.
  shared_log_groups = ["notebook", "training"]

  # AWS's images, by use and accelerator: cpu or gpu, which the instance type decides.
  image_table = jsondecode(file("${path.module}/images.json"))
  registry    = split("/", data.aws_sagemaker_prebuilt_ecr_image.this.registry_path)[0]
  images = {
    for use in ["inference", "training"] : use => {
      for accelerator, image in local.image_table[use] : accelerator => "${local.registry}/${image.repository}:${image.tag}"
    }
  }
  # The machine image with the GPU driver that an image needs, where SageMaker's default is too old.
  inference_amis = {
    for accelerator, image in local.image_table.inference :
    local.images.inference[accelerator] => image.inference_ami if can(image.inference_ami)
  }
  accelerators = {
    for use, type in { endpoint = var.endpoint.instance_type, training = var.training.instance_type } :
    use => can(regex(local.image_table.gpu_instance_types, type)) ? "gpu" : "cpu"
  }

  # What is deployed is not a setting: the record says it, which `./kennel deploy` writes. Nor is whether the stack
  # sleeps, without what is billed by the hour: `./kennel stack.sleep` and `stack.wake` write that into the record.
  record   = module.release.record
  asleep   = try(local.record.asleep, null) != null
  deployed = local.record.current != null
  serving  = local.deployed && !local.asleep
  releases = {
    for release in [local.record.current, local.record.previous] : tostring(release.deployment) => release
    if release != null
  }

  # A serverless endpoint has no instances to scale.
  serverless = try(local.record.current.serverless, null) != null
  scaled     = local.serving && !local.serverless
  scaling_target = (
    var.autoscaling.metric == "CONCURRENCY" ? var.autoscaling.concurrent_requests_per_instance : var.autoscaling.invocations_per_instance
  )

  inference_image  = local.images.inference[local.accelerators.endpoint]
  training_images  = { for accelerator, image in local.images.training : accelerator => coalesce(var.training.image, image) }
  function_package = startswith(var.function.package, "/") ? var.function.package : "${path.root}/${var.function.package}"

  # The AWS APIs that the notebook and the training host call: each is reachable through an interface endpoint only.
  # Jobs and endpoints need none: SageMaker itself pulls their images and sends their logs.
  called_apis = {
    notebook      = ["logs", "sagemaker.api", "sagemaker.runtime", "sts"]
    training_host = ["logs", "ssm", "ssmmessages"]
  }
  workbenches = { notebook = var.notebook.enabled, training_host = var.training_host.enabled }
  wanted_endpoints = (
    var.network.interface_endpoints != null
    ? var.network.interface_endpoints
    : toset(flatten([for workbench, apis in local.called_apis : apis if local.workbenches[workbench]]))
  )
  interface_endpoints = local.asleep ? toset([]) : local.wanted_endpoints

  # Instance families with local NVMe disks, of those that SageMaker has. Their hardware encrypts the disks, and
  # SageMaker refuses a request that names a KMS key for them (VolumeKmsKeyId of ResourceConfig, KmsKeyId of
  # CreateEndpointConfig).
  local_disk_families = jsondecode(file("${path.module}/local_disk_families.json"))
  notebook_job_types  = setunion([var.endpoint.instance_type, var.training.instance_type], var.notebook.job_instance_types)

  # Where kennel.aws keeps the state, its lock, the note of an unfinished change, and the lock of a deployment.
  state = {
    bucket    = "kennel-state-${local.account_id}-${var.region}"
    key       = "kennel/${var.environment}.tfstate"
    key_alias = "alias/kennel-state"
    locks     = [for name in ["tfstate.tflock", "tfstate.unfinished", "deploy.lock"] : "kennel/${var.environment}.${name}"]
  }

  # Environment variables on the notebook and the training host.
  workbench_environment = {
    KENNEL_ARTIFACT_BUCKET = local.bucket_names.artifacts
    KENNEL_DATA_BUCKET     = local.bucket_names.data
    KENNEL_ENDPOINT        = local.endpoint_name
    KENNEL_ENVIRONMENT     = var.environment
  }
}

module "storage" {
  source = "./modules/storage"

  account_id        = local.account_id
  bucket_names      = local.bucket_names
  force_destroy     = var.storage.force_destroy
  key_deletion_days = var.storage.key_deletion_days
  name              = local.name
  noncurrent_days   = var.storage.noncurrent_days
  partition         = local.partition
  protected         = var.storage.protected
  region            = var.region
}

module "observability" {
  source = "./modules/observability"

  account_id             = local.account_id
  budget_usd             = var.observability.budget_usd
  dead_letter_queue_name = local.dead_letter_queue_name
  emails                 = var.observability.emails
  endpoint               = { deployed = local.serving, name = local.endpoint_name, variant = local.variant }
  function_name          = local.function_name
  key_arn                = module.storage.key_arn
  latency_minutes        = var.observability.latency_minutes
  latency_p99_ms         = var.observability.latency_p99_ms
  log_groups = {
    for writer, group in local.log_groups : writer => group
    if var.observability.own_shared_log_groups || !contains(local.shared_log_groups, writer)
  }
  name           = local.name
  region         = var.region
  retention_days = var.observability.retention_days
  stack_tag      = local.name
}

module "network" {
  source = "./modules/network"

  account_id               = local.account_id
  availability_zones       = [for zone in var.network.zones : "${var.region}${zone}"]
  bucket_arns              = [for bucket in local.bucket_names : "arn:${local.partition}:s3:::${bucket}"]
  cidr_block               = var.network.cidr_block
  flow_log_group           = module.observability.log_groups["flow_logs"]
  interface_endpoints      = local.interface_endpoints
  interface_endpoint_zones = var.network.interface_endpoint_zones
  name                     = local.name
  partition                = local.partition
  region                   = var.region
}

module "identity" {
  source = "./modules/identity"

  account_id             = local.account_id
  buckets                = { artifacts = local.bucket_names.artifacts, data = local.bucket_names.data }
  dead_letter_queue_name = local.dead_letter_queue_name
  endpoint_name          = local.endpoint_name
  image_repository_arns = {
    for use, images in {
      inference = concat([local.inference_image], [for release in local.releases : release.image])
      training  = values(local.training_images)
    } :
    use => toset([
      for image in images :
      replace(image, "/^([0-9]+)\\.dkr\\.ecr\\.([^.]+)\\.[^/]+/([^:@]+).*$/", "arn:${local.partition}:ecr:$2:$1:repository/$3")
    ])
  }
  job_instance_types = {
    with_local_disk    = [for type in local.notebook_job_types : type if contains(local.local_disk_families, split(".", type)[1])]
    without_local_disk = [for type in local.notebook_job_types : type if !contains(local.local_disk_families, split(".", type)[1])]
  }
  key_arn    = module.storage.key_arn
  log_groups = { for writer, group in local.log_groups : writer => group if writer != "flow_logs" }
  name       = local.name
  network = {
    security_group_ids = module.network.security_group_ids
    subnet_ids         = module.network.subnet_ids
  }
  notebook_name        = local.notebook_name
  notebook_prefix      = local.notebook_prefix
  partition            = local.partition
  permissions_boundary = var.permissions_boundary
  region               = var.region
}

module "notebook" {
  source = "./modules/notebook"
  count  = var.notebook.enabled ? 1 : 0

  artifact_bucket    = local.bucket_names.artifacts
  environment        = local.workbench_environment
  idle_minutes       = var.notebook.idle_minutes
  instance_type      = var.notebook.instance_type
  key_arn            = module.storage.key_arn
  name               = local.notebook_name
  platform           = var.notebook.platform
  region             = var.region
  role_arn           = module.identity.roles["notebook"]
  security_group_ids = module.network.security_group_ids
  subnet_id          = module.network.subnet_ids[0]
  volume_gb          = var.notebook.volume_gb
}

moved {
  from = module.notebook
  to   = module.notebook[0]
}

module "training_host" {
  source = "./modules/training_host"
  count  = var.training_host.enabled ? 1 : 0

  ami_id             = var.training_host.ami_id
  ami_parameter      = var.training_host.ami_parameter
  instance_profile   = module.identity.instance_profile
  instance_type      = var.training_host.instance_type
  key_arn            = module.storage.key_arn
  name               = local.training_host_name
  security_group_ids = module.network.security_group_ids
  subnet_id          = module.network.subnet_ids[0]
  user_data = templatefile("${path.root}/../ec2/user_data.sh.tftpl", {
    artifact_bucket = local.bucket_names.artifacts
    environment     = merge(local.workbench_environment, { KENNEL_LOG_GROUP = local.log_groups.training_host })
    idle_minutes    = var.training_host.idle_minutes
    region          = var.region
  })
  volume_gb = var.training_host.volume_gb
}

moved {
  from = module.training_host
  to   = module.training_host[0]
}

module "predict_function" {
  source = "./modules/predict_function"

  dead_letter_queue_name = local.dead_letter_queue_name
  environment = {
    ENDPOINT_NAME     = local.endpoint_name
    INBOX_BUCKET      = local.bucket_names.data
    INBOX_PREFIX      = "inbox/"
    LOG_LEVEL         = var.function.log_level
    METRICS_NAMESPACE = local.name
  }
  key_arn                     = module.storage.key_arn
  log_group                   = module.observability.log_groups["function"].name
  memory_mb                   = var.function.memory_mb
  name                        = local.function_name
  package                     = local.function_package
  provisioned_concurrency     = local.asleep ? 0 : var.function.provisioned_concurrency
  provisioned_concurrency_max = local.asleep ? 0 : var.function.provisioned_concurrency_max
  provisioned_utilization     = var.function.provisioned_utilization
  region                      = var.region
  reserved_concurrency        = var.function.reserved_concurrency
  role_arn                    = module.identity.roles["function"]
  timeout_seconds             = var.function.timeout_seconds
  url                         = var.function.url
}

module "release" {
  source = "./modules/release"

  name          = "/${var.project}/${var.environment}/release"
  registry_name = local.name
}

module "endpoint" {
  source = "./modules/endpoint"
  count  = local.serving ? 1 : 0

  bake_seconds             = var.endpoint.bake_seconds
  current                  = tostring(local.record.current.deployment)
  endpoint_name            = local.endpoint_name
  inference_amis           = local.inference_amis
  instance_count           = var.endpoint.instance_count
  instance_type            = var.endpoint.instance_type
  key_arn                  = module.storage.key_arn
  local_disk_families      = local.local_disk_families
  name                     = local.name
  releases                 = local.releases
  role_arn                 = module.identity.roles["endpoint"]
  rollback_alarms          = module.observability.rollback_alarms
  rollout                  = coalesce(var.endpoint.rollout, local.accelerators.endpoint == "gpu" ? "ROLLING" : "CANARY")
  rollout_percent          = var.endpoint.rollout_percent
  startup_timeout_seconds  = var.endpoint.startup_timeout_seconds
  termination_wait_seconds = var.endpoint.termination_wait_seconds
  variant                  = local.variant
}

check "settings_of_the_endpoint" {
  assert {
    condition     = !local.serving || try(module.endpoint[0].instance_type, var.endpoint.instance_type) == var.endpoint.instance_type
    error_message = "endpoint.instance_type takes effect with the next deployment: run ./kennel stack.apply, then ./kennel deploy --release with the release that is live."
  }

  assert {
    condition     = !local.serving || local.serverless == (var.endpoint.serverless != null)
    error_message = "endpoint.serverless takes effect with the next deployment, which replaces the endpoint: run ./kennel stack.apply, then ./kennel deploy --release with the release that is live."
  }
}

module "autoscaling" {
  source = "./modules/autoscaling"
  count  = local.scaled ? 1 : 0

  endpoint_name              = module.endpoint[0].name
  instance_type              = module.endpoint[0].instance_type
  invocations_per_instance   = var.autoscaling.invocations_per_instance
  max_instances              = var.autoscaling.max_instances
  metric                     = var.autoscaling.metric
  min_instances              = var.autoscaling.min_instances
  scale_in                   = var.autoscaling.scale_in
  scale_in_cooldown_seconds  = var.autoscaling.scale_in_cooldown_seconds
  scale_out_cooldown_seconds = var.autoscaling.scale_out_cooldown_seconds
  schedules                  = var.autoscaling.schedules
  surge_alarm_name           = "${local.name}-endpoint-surge"
  surge_steps                = var.autoscaling.surge_steps
  target_value               = local.scaling_target
  variant                    = local.variant
}

module "delivery" {
  source = "./modules/delivery"
  count  = var.delivery.repository == null ? 0 : 1

  account_id             = local.account_id
  branch                 = var.delivery.branch
  bucket_names           = local.bucket_names
  budget                 = module.observability.budget
  dashboard              = module.observability.dashboard
  dead_letter_queue_name = local.dead_letter_queue_name
  endpoint_name          = local.endpoint_name
  endpoint_role_arn      = module.identity.roles["endpoint"]
  filtered_log_group     = module.observability.log_groups["function"].name
  function               = { alias = module.predict_function.alias, name = local.function_name }
  github_environment     = coalesce(var.delivery.environment, var.environment)
  image_folder           = dirname(var.training_host.ami_parameter)
  instance_profile       = module.identity.instance_profile
  key_arn                = module.storage.key_arn
  log_groups             = [for group in module.observability.log_groups : group.name]
  name                   = local.name
  notebook_name          = local.notebook_name
  partition              = local.partition
  permissions_boundary   = var.permissions_boundary
  proof_endpoint_name    = local.proof_endpoint_name
  provider_arn           = var.delivery.provider_arn
  region                 = var.region
  registry               = module.release.registry
  release_parameter      = module.release.parameter
  repository             = var.delivery.repository
  role_arns              = concat(values(module.identity.roles), [module.network.flow_log_role_arn])
  state                  = local.state
  topic_arn              = module.observability.alarm_topic_arn
  vpc_id                 = module.network.vpc_id
}
