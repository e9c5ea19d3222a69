resource "aws_lambda_function_url" "w16_no_authorization" {
  function_name      = "dogs"
  authorization_type = "NONE"
}

resource "aws_sagemaker_notebook_instance" "w17_internet_by_default" {
  name            = "explore"
  role_arn        = "arn:aws:iam::${local.account}:role/notebook"
  instance_type   = "ml.t3.medium"
  subnet_id       = "subnet-1"
  security_groups = ["sg-1"]
  root_access     = "Disabled"
}

resource "aws_sagemaker_notebook_instance" "w18_root" {
  name                   = "explore-as-root"
  role_arn               = "arn:aws:iam::${local.account}:role/notebook"
  instance_type          = "ml.t3.medium"
  subnet_id              = "subnet-1"
  security_groups        = ["sg-1"]
  direct_internet_access = "Disabled"
}

resource "aws_sagemaker_pipeline" "w19_open_training" {
  pipeline_name         = "retrain"
  pipeline_display_name = "retrain"
  role_arn              = "arn:aws:iam::${local.account}:role/pipeline"
  pipeline_definition = jsonencode({
    Version = "2020-12-01"
    Steps = [{
      Name = "Train"
      Type = "Training"
      Arguments = {
        AlgorithmSpecification = { TrainingImage = "x", TrainingInputMode = "File" }
        OutputDataConfig       = { S3OutputPath = "s3://photos/training/", KmsKeyId = "alias/own" }
        ResourceConfig         = { InstanceCount = 1, InstanceType = "ml.m5.large", VolumeSizeInGB = 30, VolumeKmsKeyId = "alias/own" }
      }
    }]
  })
}

resource "aws_sagemaker_pipeline" "w20_unencrypted_training" {
  pipeline_name         = "retrain-isolated"
  pipeline_display_name = "retrain-isolated"
  role_arn              = "arn:aws:iam::${local.account}:role/pipeline"
  pipeline_definition = jsonencode({
    Version = "2020-12-01"
    Steps = [{
      Name = "Train"
      Type = "Training"
      Arguments = {
        AlgorithmSpecification = { TrainingImage = "x", TrainingInputMode = "File" }
        EnableNetworkIsolation = true
        OutputDataConfig       = { S3OutputPath = "s3://photos/training/" }
        ResourceConfig         = { InstanceCount = 1, InstanceType = "ml.m5.large", VolumeSizeInGB = 30 }
      }
    }]
  })
}
