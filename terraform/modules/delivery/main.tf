# How a pipeline on GitHub acts on this stack: without keys, by the token of its job, in one of two roles. `plan`
# reads what a plan reads; `deploy` also makes a release live. Neither may change anything else: what may create roles
# may do everything, so the role that applies the whole stack is the organisation's own (docs/delivery.md).

locals {
  issuer   = "token.actions.githubusercontent.com"
  audience = "sts.amazonaws.com"

  # A name, because the policy for plans names the policy, and is not to depend on it.
  deploying_policy_name = "${var.name}-deploying-${var.region}"

  provider_arn = var.provider_arn == null ? one(aws_iam_openid_connect_provider.this[*].arn) : var.provider_arn

  roles = {
    deploy = {
      description = "Makes a release live, from GitHub"
      # An update may take an hour, and the return to the former release another one.
      hours    = 3
      subjects = ["repo:${var.repository}:environment:${var.github_environment}"]
    }
    plan = {
      description = "Plans the stack, from GitHub"
      hours       = 1
      subjects    = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
    }
  }

  # What both policies name.
  arn = {
    alarm     = "arn:${var.partition}:cloudwatch:${var.region}:${var.account_id}:alarm"
    iam       = "arn:${var.partition}:iam::${var.account_id}"
    log_group = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:"
    sagemaker = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
    state     = "arn:${var.partition}:s3:::${var.state.bucket}"
  }
  function_arn = "arn:${var.partition}:lambda:${var.region}:${var.account_id}:function:${var.function.name}"

  # The scalable target's id is AWS's own, so its ARN ends in a pattern; the conditions say what is scaled.
  scalable_target_arn   = "arn:${var.partition}:application-autoscaling:${var.region}:${var.account_id}:scalable-target/*"
  release_parameter_arn = "arn:${var.partition}:ssm:${var.region}:${var.account_id}:parameter${var.release_parameter}"

  deployment_arns = {
    for kind in ["endpoint-config", "model"] : kind => "${local.arn.sagemaker}:${kind}/${var.name}-deployment-*"
  }
  # The proof before traffic: a configuration, a model and an endpoint of one name, for some minutes.
  proof_arns = {
    for kind in ["endpoint", "endpoint-config", "model"] : kind => "${local.arn.sagemaker}:${kind}/${var.proof_endpoint_name}"
  }

  endpoint_arn = "${local.arn.sagemaker}:endpoint/${var.endpoint_name}"

  # The key of the states is known by its alias only; through S3, and for the bucket of the states.
  state_key_arn = "arn:${var.partition}:kms:${var.region}:${var.account_id}:key/*"
  state_key_conditions = [
    { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", value = var.state.key_alias },
    { test = "StringEquals", variable = "kms:ViaService", value = "s3.${var.region}.amazonaws.com" },
  ]
}

# AWS checks the issuer's certificate by its own authorities, so there is no thumbprint to keep up to date.
resource "aws_iam_openid_connect_provider" "this" {
  count = var.provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = [local.audience]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = [local.audience]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = each.value.subjects
    }
  }
}

resource "aws_iam_role" "this" {
  #checkov:skip=CKV_AWS_393:The subject names one repository; checkov does not know the form with ids (owner@1/name@2)
  for_each = local.roles

  name                 = "${var.name}-${each.key}-${var.region}"
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = each.value.hours * 3600
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "planning" {
  for_each = local.roles

  name   = "planning"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.planning.minified_json

  lifecycle {
    precondition {
      condition     = length(data.aws_iam_policy_document.planning.minified_json) <= 10240
      error_message = "The policy for plans exceeds the 10240 characters that IAM allows in a role's inline policies: give the stack shorter names."
    }
  }
}

# A managed policy, because both together exceed what IAM allows in a role's inline policies.
resource "aws_iam_policy" "deploying" {
  name        = local.deploying_policy_name
  description = "What a deployment of ${var.name} does beyond planning"
  policy      = data.aws_iam_policy_document.deploying.minified_json

  lifecycle {
    precondition {
      condition     = length(data.aws_iam_policy_document.deploying.minified_json) <= 6144
      error_message = "The policy for deployments exceeds the 6144 characters that IAM allows in a managed policy: give the stack shorter names."
    }
  }
}

resource "aws_iam_role_policy_attachment" "deploying" {
  role       = aws_iam_role.this["deploy"].name
  policy_arn = aws_iam_policy.deploying.arn
}
