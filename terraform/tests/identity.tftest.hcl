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
  key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_groups = {
    endpoint      = "/aws/sagemaker/Endpoints/kennel-local-classifier"
    function      = "/aws/lambda/kennel-local-predict"
    notebook      = "/aws/sagemaker/NotebookInstances"
    training      = "/aws/sagemaker/TrainingJobs"
    training_host = "/kennel/local/training-host"
  }
  name               = "kennel-local"
  network            = { security_group_ids = ["sg-0"], subnet_ids = ["subnet-0", "subnet-1"] }
  notebook_name      = "kennel-local-notebook"
  partition          = "aws"
  region             = "us-east-1"
  training_host_name = "kennel-local-training-host"
}

run "roles_are_least_privilege" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition = alltrue([
      for key in ["endpoint", "function", "notebook", "training"] : alltrue([
        for statement in jsondecode(aws_iam_role.this[key].assume_role_policy).Statement :
        statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      ])
    ])
    error_message = "SageMaker and Lambda must assume a role on behalf of this account only."
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
