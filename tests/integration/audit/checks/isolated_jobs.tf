resource "aws_sagemaker_pipeline" "fail_open" {
  pipeline_name         = "x"
  pipeline_display_name = "x"
  role_arn              = "arn:aws:iam::123456789012:role/pipeline"
  pipeline_definition = jsonencode({
    Version = "2020-12-01"
    Steps = [{
      Name = "Train"
      Type = "Training"
      Arguments = {
        AlgorithmSpecification = { TrainingImage = "x", TrainingInputMode = "File" }
        OutputDataConfig       = { S3OutputPath = "s3://bucket/training/" }
        ResourceConfig         = { InstanceCount = 1, InstanceType = "ml.m5.large", VolumeSizeInGB = 30 }
      }
    }]
  })
}

resource "aws_sfn_state_machine" "pass_isolated" {
  name     = "x"
  role_arn = "arn:aws:iam::123456789012:role/pipeline"
  definition = jsonencode({
    StartAt = "Train"
    States = {
      Train = {
        Type     = "Task"
        Resource = "arn:aws:states:::sagemaker:createTrainingJob.sync"
        Parameters = {
          AlgorithmSpecification = { TrainingImage = "x", TrainingInputMode = "File" }
          EnableNetworkIsolation = true
          OutputDataConfig       = { S3OutputPath = "s3://bucket/training/", KmsKeyId = "alias/own" }
          ResourceConfig = {
            InstanceCount = 1, InstanceType = "ml.m5.large", VolumeSizeInGB = 30, VolumeKmsKeyId = "alias/own"
          }
        }
        End = true
      }
    }
  })
}
