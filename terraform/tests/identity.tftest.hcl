# The policies. The real provider renders them at plan without calling AWS, so these runs check the documents
# that AWS would receive; a mocked provider would generate random documents.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "never-used"
  secret_key                  = "never-used"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variables {
  account_id             = "123456789012"
  buckets                = { artifacts = "kennel-local-artifacts", data = "kennel-local-data" }
  dead_letter_queue_name = "kennel-local-predict-dead-letters"
  endpoint_name          = "kennel-local-classifier"
  image_repository_arns = {
    inference = ["arn:aws:ecr:us-east-1:763104351884:repository/ray"]
    training  = ["arn:aws:ecr:us-east-1:763104351884:repository/pytorch-training"]
  }
  job_instance_types = { with_local_disk = ["ml.g5.xlarge"], without_local_disk = ["ml.m5.large", "ml.m5.xlarge"] }
  key_arn            = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_groups = {
    endpoint      = "/aws/sagemaker/Endpoints/kennel-local-classifier"
    function      = "/aws/lambda/kennel-local-predict"
    notebook      = "/aws/sagemaker/NotebookInstances"
    proof         = "/aws/sagemaker/Endpoints/kennel-local-proof"
    training      = "/aws/sagemaker/TrainingJobs"
    training_host = "/kennel/local/training-host"
  }
  name            = "kennel-local"
  network         = { security_group_ids = ["sg-0"], subnet_ids = ["subnet-0", "subnet-1"] }
  notebook_name   = "kennel-local-notebook"
  notebook_prefix = "notebook/"
  partition       = "aws"
  region          = "us-east-1"
}

run "roles_are_least_privilege" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition = alltrue([
      for key in ["endpoint", "function"] : alltrue([
        for statement in jsondecode(aws_iam_role.this[key].assume_role_policy).Statement :
        statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      ])
    ])
    error_message = "Inference and Lambda must assume a role on behalf of this account only."
  }

  assert {
    condition = alltrue([
      for key in ["notebook", "training"] : alltrue([
        for statement in jsondecode(aws_iam_role.this[key].assume_role_policy).Statement :
        statement.Condition == { StringEqualsIfExists = { "aws:SourceAccount" = "123456789012" } }
      ])
    ])
    error_message = "AWS documents aws:SourceAccount neither for notebook instances nor for tuning jobs: it must not be required."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role.this["training_host"].assume_role_policy).Statement :
      !can(statement.Condition)
    ])
    error_message = "EC2 does not set aws:SourceAccount: an instance cannot assume a role that requires it."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.this : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "Every action must be named in full."
  }

  # Actions without resource types; all other statements must name resources.
  assert {
    condition = length(setsubtract(
      flatten([
        for policy in aws_iam_role_policy.this : [
          for statement in jsondecode(policy.policy).Statement : flatten([statement.Action])
          if contains(flatten([statement.Resource]), "*")
        ]
      ]),
      [
        "cloudwatch:PutMetricData",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ],
    )) == 0
    error_message = "An action with resource types must not be granted on all resources."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["function"].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "sagemaker:InvokeEndpoint")
    ] == ["arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel-local-classifier"]
    error_message = "The function must be allowed to invoke its endpoint, and no other."
  }

  assert {
    condition = alltrue(flatten([
      for key, policy in aws_iam_role_policy.this : [
        for statement in jsondecode(policy.policy).Statement :
        key == "notebook"
        && statement.Condition.StringEquals["iam:PassedToService"] == "sagemaker.amazonaws.com"
        && toset(flatten([statement.Resource])) == toset([
          "arn:aws:iam::123456789012:role/kennel-local-endpoint-us-east-1",
          "arn:aws:iam::123456789012:role/kennel-local-training-us-east-1",
        ])
        if contains(flatten([statement.Action]), "iam:PassRole")
      ]
    ]))
    error_message = "Only the notebook may pass roles, only these two, and only to SageMaker."
  }

  # The notebook writes neither releases nor the host's code.
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement : [
        for resource in flatten([statement.Resource]) :
        startswith(resource, "arn:aws:s3:::kennel-local-artifacts/candidates/") || startswith(resource, "arn:aws:s3:::kennel-local-artifacts/notebook/")
      ]
      if contains(flatten([statement.Action]), "s3:PutObject")
    ]))
    error_message = "The notebook must write candidates and its own uploads only."
  }

  assert {
    condition = length([
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement : statement
      if length(setintersection(flatten([statement.Action]), ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"])) > 0
    ]) == 0
    error_message = "The notebook must not delete objects, or it could replace them."
  }

  assert {
    condition = alltrue([
      for resource in flatten([
        for statement in jsondecode(aws_iam_role_policy.this["training_host"].policy).Statement : statement.Resource
        if contains(flatten([statement.Action]), "s3:GetObject")
      ]) : !strcontains(resource, "/notebook/") && !strcontains(resource, "/candidates/")
    ])
    error_message = "The host must not run what a notebook uploaded."
  }

  # What the notebook starts is in the network on allowed types and under the key.
  # Each statement that allows a job, with all that it demands.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement :
      statement.Sid => jsonencode(statement.Condition)
      if contains(flatten([statement.Action]), "sagemaker:CreateTrainingJob")
      } == {
      for sid, rule in {
        RunJobsWithKey           = { types = ["ml.m5.large", "ml.m5.xlarge"], key = "sagemaker:VolumeKmsKeyArn" }
        RunJobsWithKeyFormerName = { types = ["ml.m5.large", "ml.m5.xlarge"], key = "sagemaker:VolumeKmsKey" }
        RunJobsWithLocalDisk     = { types = "ml.g5.xlarge", key = null }
        } : sid => jsonencode(merge(
          {
            "ForAllValues:StringEquals" = {
              "sagemaker:InstanceTypes"       = rule.types
              "sagemaker:VpcSecurityGroupIds" = "sg-0"
              "sagemaker:VpcSubnets"          = ["subnet-0", "subnet-1"]
            }
            Null = {
              "sagemaker:InstanceTypes"       = "false"
              "sagemaker:VpcSecurityGroupIds" = "false"
              "sagemaker:VpcSubnets"          = "false"
            }
            StringEquals = { "aws:RequestTag/Stack" = "kennel-local" }
          },
          rule.key == null ? {} : { ArnEquals = { (rule.key) = var.key_arn } },
      ))
    }
    error_message = "Every job of the notebook must name the network, an allowed type, the stack's tag, and the key unless the type has local disks."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement : statement.Sid
      if contains(flatten([statement.Action]), "sagemaker:CreateHyperParameterTuningJob")
    ] == ["RunJobsWithKey", "RunJobsWithKeyFormerName", "RunJobsWithLocalDisk"]
    error_message = "Tuning jobs must be allowed by the same statements."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement :
      statement.Condition == { Bool = { "sagemaker:NetworkIsolation" = "true" } }
      if contains(flatten([statement.Action]), "sagemaker:CreateModel")
    ])
    error_message = "A trial's model must be isolated from the network."
  }

  # Actions on the network match the resources that EC2 checks.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["training"].policy).Statement :
      statement.Sid => jsonencode({
        actions   = sort(flatten([statement.Action]))
        condition = try(statement.Condition.ArnEquals["ec2:Subnet"], null)
        resources = sort(distinct([for resource in flatten([statement.Resource]) : split("/", split(":", resource)[5])[0]]))
      })
      if endswith(statement.Sid, "NetworkInterfaces")
      } == {
      CreateNetworkInterfaces = jsonencode({
        actions   = ["ec2:CreateNetworkInterface"]
        condition = null
        resources = ["network-interface", "security-group", "subnet"]
      })
      UseNetworkInterfaces = jsonencode({
        actions = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
        condition = [
          "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0",
          "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1",
        ]
        resources = ["network-interface"]
      })
    }
    error_message = "An action must be granted on the resource types that the Service Authorization Reference lists for it."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["endpoint"].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "cloudwatch:DescribeAlarms")
    ] == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:kennel-local-endpoint-*"]
    error_message = "SageMaker must be able to watch the roll-back alarms with the endpoint's role."
  }
}

run "releases_are_written_once_and_kept" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    account_id   = "123456789012"
    bucket_names = { artifacts = "a", data = "d", logs = "l" }
    name         = "kennel-local"
    partition    = "aws"
    region       = "us-east-1"
  }

  # As in the S3 user guide: a request that creates an object needs the condition, the parts of an upload do not.
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.this["artifacts"].policy).Statement :
      statement.Sid => jsonencode({ action = statement.Action, condition = try(statement.Condition, null), effect = statement.Effect, principal = statement.Principal, resource = statement.Resource })
      if endswith(statement.Sid, "Releases") || endswith(statement.Sid, "Once")
      } == {
      KeepReleases = jsonencode({
        action    = ["s3:DeleteObjectVersion", "s3:DeleteObject"]
        condition = null
        effect    = "Deny"
        principal = { AWS = "*" }
        resource  = "arn:aws:s3:::a/releases/*"
      })
      WriteReleasesOnce = jsonencode({
        action    = "s3:PutObject"
        condition = { Bool = { "s3:ObjectCreationOperation" = "true" }, Null = { "s3:if-none-match" = "true" } }
        effect    = "Deny"
        principal = { AWS = "*" }
        resource  = "arn:aws:s3:::a/releases/*"
      })
    }
    error_message = "Nobody may overwrite or delete a release."
  }
}

run "interface_endpoints_are_for_this_account" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    account_id               = "123456789012"
    availability_zones       = ["us-east-1a", "us-east-1b"]
    bucket_arns              = ["arn:aws:s3:::a"]
    cidr_block               = "10.42.0.0/16"
    flow_log_group           = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/flow", name = "/flow" }
    interface_endpoints      = ["logs", "sts"]
    interface_endpoint_zones = 1
    name                     = "kennel-local"
    partition                = "aws"
    region                   = "us-east-1"
  }

  override_data {
    target = data.aws_prefix_list.s3
    values = { id = "pl-0" }
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.this :
      one(jsondecode(endpoint.policy).Statement).Condition == { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
    ])
    error_message = "An interface endpoint must let only this account's principals through."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.flow_logs.policy).Statement : statement.Action
      ])) == toset([
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
    ])
    error_message = "The role of flow logs needs what the VPC guide lists."
  }
}

# The longest project, environment and region that are possible. IAM allows 64 characters.
run "names_contain_the_region_and_are_short_enough" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    name   = "twelve-chars-local"
    region = "us-isof-south-1"
  }

  assert {
    condition = alltrue([
      for name in concat([for role in aws_iam_role.this : role.name], [aws_iam_instance_profile.this.name]) :
      endswith(name, "-us-isof-south-1") && length(name) <= 64
    ])
    error_message = "Roles and instance profiles belong to the account, not to a region: their names must contain it."
  }
}
