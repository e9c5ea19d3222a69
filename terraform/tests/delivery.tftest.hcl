# The roles of the pipeline. The real provider renders the policies at plan without calling AWS, as in
# identity.tftest.hcl.

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
  branch                 = "main"
  bucket_names           = { artifacts = "kennel-prod-artifacts", data = "kennel-prod-data", logs = "kennel-prod-logs" }
  budget                 = "kennel-prod-monthly"
  dashboard              = "kennel-prod"
  dead_letter_queue_name = "kennel-prod-predict-dead-letters"
  endpoint_name          = "kennel-prod-classifier"
  endpoint_role_arn      = "arn:aws:iam::123456789012:role/kennel-prod-endpoint-us-east-1"
  filtered_log_group     = "/aws/lambda/kennel-prod-predict"
  function               = { alias = "live", name = "kennel-prod-predict" }
  github_environment     = "prod"
  image_folder           = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest"
  instance_profile       = "kennel-prod-training-host-us-east-1"
  key_arn                = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_groups             = ["/aws/lambda/kennel-prod-predict", "/kennel/prod/flow-logs"]
  name                   = "kennel-prod"
  notebook_name          = "kennel-prod-notebook"
  partition              = "aws"
  proof_endpoint_name    = "kennel-prod-proof"
  provider_arn           = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  region                 = "us-east-1"
  registry               = "kennel-prod"
  release_parameter      = "/kennel/prod/release"
  repository             = "octo-org@123456/hounds@456789"
  role_arns              = ["arn:aws:iam::123456789012:role/kennel-prod-endpoint-us-east-1"]
  state = {
    bucket    = "kennel-state-123456789012-us-east-1"
    key       = "kennel/prod.tfstate"
    key_alias = "alias/kennel-state"
    locks     = ["kennel/prod.tfstate.tflock", "kennel/prod.tfstate.unfinished", "kennel/prod.deploy.lock"]
  }
  topic_arn = "arn:aws:sns:us-east-1:123456789012:kennel-prod-alarms"
  vpc_id    = "vpc-0"
}

run "only_jobs_of_the_repository_assume_the_roles" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  assert {
    condition = jsonencode({
      for key, role in aws_iam_role.this :
      key => sort(flatten([
        for statement in jsondecode(role.assume_role_policy).Statement :
        statement.Condition.StringEquals["token.actions.githubusercontent.com:sub"]
      ]))
      }) == jsonencode({
      deploy = ["repo:octo-org@123456/hounds@456789:environment:prod"]
      plan = [
        "repo:octo-org@123456/hounds@456789:pull_request",
        "repo:octo-org@123456/hounds@456789:ref:refs/heads/main",
      ]
    })
    error_message = "Only jobs of the environment may deploy; pull requests and the branch may plan."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.this : alltrue([
        for statement in jsondecode(role.assume_role_policy).Statement :
        statement.Action == "sts:AssumeRoleWithWebIdentity"
        && statement.Principal == { Federated = var.provider_arn }
        && statement.Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        && keys(statement.Condition) == ["StringEquals"]
      ])
    ])
    error_message = "The roles must be assumed with a token of GitHub's for AWS, and the subject must be equal, not like."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "An account has one provider for GitHub: an existing one must be used."
  }

  # A pipeline reads no data and changes no more than a release.
  assert {
    condition = alltrue(flatten([
      for policy in [data.aws_iam_policy_document.planning, data.aws_iam_policy_document.deploying] : [
        for statement in jsondecode(policy.json).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "Every action must be named in full."
  }

  # Actions without resource types; all other statements must name resources.
  assert {
    condition = alltrue([
      for action in flatten([
        for statement in concat(
          jsondecode(data.aws_iam_policy_document.planning.json).Statement,
          jsondecode(data.aws_iam_policy_document.deploying.json).Statement,
        ) : flatten([statement.Action]) if contains(flatten([statement.Resource]), "*")
      ]) : can(regex("^(application-autoscaling:Describe|ec2:Describe|kms:ListAliases$|logs:DescribeLogGroups$|ssm:DescribeParameters$)", action))
    ])
    error_message = "An action with resource types must not be granted on all resources."
  }

  assert {
    condition = toset(flatten([
      for statement in concat(
        jsondecode(data.aws_iam_policy_document.planning.json).Statement,
        jsondecode(data.aws_iam_policy_document.deploying.json).Statement,
      ) : flatten([statement.Resource])
      if length(setintersection(flatten([statement.Action]), ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])) > 0
      ])) == toset([
      "arn:aws:s3:::kennel-prod-artifacts/releases/*",
      "arn:aws:s3:::kennel-state-123456789012-us-east-1/kennel/prod.deploy.lock",
      "arn:aws:s3:::kennel-state-123456789012-us-east-1/kennel/prod.tfstate",
      "arn:aws:s3:::kennel-state-123456789012-us-east-1/kennel/prod.tfstate.tflock",
      "arn:aws:s3:::kennel-state-123456789012-us-east-1/kennel/prod.tfstate.unfinished",
    ])
    error_message = "Of all objects, the roles must read and write the state, its locks and the releases only."
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in jsondecode(data.aws_iam_policy_document.planning.json).Statement : flatten([statement.Action])]) :
      can(regex(":(Describe|Get|List|View)|^kms:Decrypt$", action)) && action != "ssm:GetParameterHistory"
    ])
    error_message = "A plan must read only."
  }

  assert {
    condition = toset([
      for action in flatten([for statement in jsondecode(data.aws_iam_policy_document.deploying.json).Statement : flatten([statement.Action])]) :
      action if startswith(action, "iam:")
    ]) == toset(["iam:PassRole"])
    error_message = "A deployment must pass the endpoint's role and do nothing else in IAM."
  }

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.deploying.json).Statement :
      [statement.Resource, statement.Condition.StringEquals["iam:PassedToService"]]
      if contains(flatten([statement.Action]), "iam:PassRole")
    ] == [["arn:aws:iam::123456789012:role/kennel-prod-endpoint-us-east-1", "sagemaker.amazonaws.com"]]
    error_message = "A deployment must pass the endpoint's role only, and only to SageMaker."
  }

  assert {
    condition = flatten([
      for statement in jsondecode(data.aws_iam_policy_document.deploying.json).Statement :
      statement.Resource if contains(flatten([statement.Action]), "sagemaker:InvokeEndpoint")
    ]) == ["arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel-prod-proof"]
    error_message = "A deployment must ask no endpoint but that of its proof; the stack's is asked through the function."
  }
}

run "the_provider_is_made_if_there_is_none" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    provider_arn         = null
  }

  assert {
    condition     = one(aws_iam_openid_connect_provider.this).client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider must take tokens for AWS only."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == var.permissions_boundary])
    error_message = "Both roles must have the organisation's permissions boundary."
  }
}
