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
    inference = ["arn:aws:ecr:us-east-1:763104351884:repository/pytorch-inference"]
    training  = ["arn:aws:ecr:us-east-1:763104351884:repository/pytorch-training"]
  }
  job_instance_types = { with_local_disk = ["ml.g5.xlarge"], without_local_disk = ["ml.m5.large", "ml.m5.xlarge"] }
  key_arn            = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_groups = {
    endpoint      = "/aws/sagemaker/Endpoints/kennel-local-classifier"
    function      = "/aws/lambda/kennel-local-predict"
    notebook      = "/aws/sagemaker/NotebookInstances"
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
          "arn:aws:iam::123456789012:role/kennel-local-endpoint",
          "arn:aws:iam::123456789012:role/kennel-local-training",
        ])
        if contains(flatten([statement.Action]), "iam:PassRole")
      ]
    ]))
    error_message = "Only the notebook may pass roles, only these two, and only to SageMaker."
  }
}

run "the_notebook_writes_neither_releases_nor_the_hosts_code" {
  command = plan

  module {
    source = "./modules/identity"
  }

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
}

run "what_the_notebook_starts_is_in_the_network_on_allowed_types_and_under_the_key" {
  command = plan

  module {
    source = "./modules/identity"
  }

  # Each statement that allows a job, by what it demands.
  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement : {
        lists = {
          for name, values in statement.Condition["ForAllValues:StringEquals"] : name => toset(flatten([values]))
        }
        present = statement.Condition.Null
        key     = try(statement.Condition.ArnEquals, null)
      }
      if length(setintersection(flatten([statement.Action]), ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateTrainingJob"])) > 0
      ]) == toset([
      for rule in [
        { types = ["ml.m5.large", "ml.m5.xlarge"], key = { "sagemaker:VolumeKmsKeyArn" = var.key_arn } },
        { types = ["ml.m5.large", "ml.m5.xlarge"], key = { "sagemaker:VolumeKmsKey" = var.key_arn } },
        { types = ["ml.g5.xlarge"], key = null },
        ] : {
        lists = {
          "sagemaker:InstanceTypes"       = toset(rule.types)
          "sagemaker:VpcSecurityGroupIds" = toset(["sg-0"])
          "sagemaker:VpcSubnets"          = toset(["subnet-0", "subnet-1"])
        }
        present = {
          "sagemaker:InstanceTypes"       = "false"
          "sagemaker:VpcSecurityGroupIds" = "false"
          "sagemaker:VpcSubnets"          = "false"
        }
        key = rule.key
      }
    ])
    error_message = "Every job of the notebook must name the network, an allowed type, and the key unless the type has local disks."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["notebook"].policy).Statement :
      statement.Condition == { Bool = { "sagemaker:NetworkIsolation" = "true" } }
      if contains(flatten([statement.Action]), "sagemaker:CreateModel")
    ])
    error_message = "A trial's model must be isolated from the network."
  }
}

run "actions_on_the_network_match_the_resources_that_ec2_checks" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["training"].policy).Statement :
      statement.Sid => {
        actions   = toset(flatten([statement.Action]))
        condition = try(toset(statement.Condition.ArnEquals["ec2:Subnet"]), null)
        resources = toset([for resource in flatten([statement.Resource]) : split("/", split(":", resource)[5])[0]])
      }
      if endswith(statement.Sid, "NetworkInterfaces")
      } == {
      CreateNetworkInterfaces = {
        actions   = toset(["ec2:CreateNetworkInterface"])
        condition = null
        resources = toset(["network-interface", "security-group", "subnet"])
      }
      UseNetworkInterfaces = {
        actions = toset(["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"])
        condition = toset([
          "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0",
          "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1",
        ])
        resources = toset(["network-interface"])
      }
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
