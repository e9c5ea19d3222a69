data "aws_iam_policy_document" "fail_anywhere" {
  statement {
    actions   = ["sagemaker:CreateTrainingJob"]
    resources = ["arn:aws:sagemaker:us-east-1:123456789012:training-job/dogs-*"]
  }
}

data "aws_iam_policy_document" "pass_in_network" {
  statement {
    actions   = ["sagemaker:CreateTrainingJob"]
    resources = ["arn:aws:sagemaker:us-east-1:123456789012:training-job/dogs-*"]

    dynamic "condition" {
      for_each = { "sagemaker:VpcSubnets" = ["subnet-1"] }

      content {
        test     = "ForAllValues:StringEquals"
        variable = condition.key
        values   = condition.value
      }
    }

    condition {
      test     = "Null"
      variable = "sagemaker:VpcSubnets"
      values   = ["false"]
    }

    condition {
      test     = "ArnEquals"
      variable = "sagemaker:VolumeKmsKeyArn"
      values   = ["arn:aws:kms:us-east-1:123456789012:key/1"]
    }
  }
}

resource "aws_iam_role_policy" "fail_without_key" {
  role = "x"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sagemaker:CreateTrainingJob"
      Resource  = "arn:aws:sagemaker:us-east-1:123456789012:training-job/dogs-*"
      Condition = { Bool = { "sagemaker:NetworkIsolation" = "true" } }
    }]
  })
}

resource "aws_iam_role_policy" "pass_isolated" {
  role = "x"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "sagemaker:CreateTrainingJob"
      Resource = "arn:aws:sagemaker:us-east-1:123456789012:training-job/dogs-*"
      Condition = {
        Bool      = { "sagemaker:NetworkIsolation" = "true" }
        ArnEquals = { "sagemaker:VolumeKmsKeyArn" = "arn:aws:kms:us-east-1:123456789012:key/1" }
      }
    }]
  })
}
