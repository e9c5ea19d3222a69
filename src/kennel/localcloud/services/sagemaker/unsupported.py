"""What SageMaker starts on AWS and nothing here would run: refused, so that nobody waits for it."""

from __future__ import annotations

from kennel.localcloud.dispatch.coverage import refuse

refuse(
    "sagemaker",
    "no pipeline runs here; create its steps yourself, as processing, training and transform jobs",
    "StartPipelineExecution",
    "RetryPipelineExecution",
    "SendPipelineExecutionStepSuccess",
    "SendPipelineExecutionStepFailure",
)
refuse(
    "sagemaker",
    "nothing searches for models here; use a tuning job with a script of your own",
    "CreateAutoMLJob",
    "CreateAutoMLJobV2",
)
refuse("sagemaker", "nothing compiles models here; a release is converted by package", "CreateCompilationJob")
refuse("sagemaker", "no cluster runs here; use a training job with several instances", "CreateCluster")
