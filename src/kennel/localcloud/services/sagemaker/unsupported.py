"""What SageMaker starts on AWS and nothing here would run: refused, so that nobody waits for it."""

from __future__ import annotations

from kennel.localcloud.dispatch.coverage import refuse

NO_FEATURES = "no feature store is here; keep features in S3 or in a DynamoDB table"
REFUSED = {
    "no pipeline runs here; create its steps yourself, as processing, training and transform jobs": (
        "StartPipelineExecution RetryPipelineExecution SendPipelineExecutionStepSuccess"
        " SendPipelineExecutionStepFailure"
    ),
    "nothing searches for models here; use a tuning job with a script of your own": (
        "CreateAutoMLJob CreateAutoMLJobV2"
    ),
    "nothing compiles or optimizes models here; convert the model before you pack it": (
        "CreateCompilationJob CreateOptimizationJob CreateEdgePackagingJob"
    ),
    "no cluster runs here; use a training job with several instances": "CreateCluster",
    "no Studio runs here; run the notebook on this machine, with the variables that local.env prints": (
        "CreateDomain CreateUserProfile CreateSpace CreateApp CreateAppImageConfig"
        " CreateStudioLifecycleConfig CreateImage CreateImageVersion CreatePresignedDomainUrl"
        " StartSession CreatePartnerApp CreatePartnerAppPresignedUrl CreateProject"
    ),
    "no Jupyter listens here; run the notebook on this machine, with the variables that local.env prints": (
        "CreatePresignedNotebookInstanceUrl"
    ),
    NO_FEATURES: "CreateFeatureGroup",
    "nothing monitors endpoints here; let EventBridge Scheduler run a processing job over what is captured": (
        "CreateMonitoringSchedule StartMonitoringSchedule"
    ),
    "no inference components run here; give the endpoint configuration's variant a ModelName": (
        "CreateInferenceComponent"
    ),
    "nothing compares instance types here; send load to an endpoint of each and read its metrics": (
        "CreateInferenceRecommendationsJob CreateAIRecommendationJob CreateAIBenchmarkJob"
    ),
    "no experiment runs here; give an endpoint configuration ShadowProductionVariants": (
        "CreateInferenceExperiment StartInferenceExperiment"
    ),
    "nobody labels data here; label it with a program of your own": (
        "CreateLabelingJob CreateFlowDefinition CreateHumanTaskUi CreateWorkforce CreateWorkteam"
    ),
    "no hub and none of its models are here; copy the model's files to a bucket here and create a model": (
        "CreateHub CreateHubContentReference CreateHubContentPresignedUrls ImportHubContent DescribeHub"
        " DescribeHubContent ListHubs ListHubContents ListHubContentVersions"
    ),
    "there is no capacity to reserve here: jobs start at once; leave training plans out": (
        "CreateTrainingPlan SearchTrainingPlanOfferings"
    ),
    "no MLflow runs here; run its server on this machine and give the job its address": (
        "CreateMlflowApp CreateMlflowTrackingServer StartMlflowTrackingServer CreatePresignedMlflowAppUrl"
        " CreatePresignedMlflowTrackingServerUrl"
    ),
    "no algorithm of the Marketplace runs here; name a TrainingImage": "CreateAlgorithm",
    "no lineage is kept here; put what belongs together into tags": (
        "CreateAction CreateArtifact CreateContext"
    ),
    "nothing renders model cards here; read the card with DescribeModelCard": "CreateModelCardExportJob",
}

for remedy, names in REFUSED.items():
    refuse("sagemaker", remedy, *names.split())
refuse(
    "sagemaker-featurestore-runtime", NO_FEATURES, "PutRecord", "GetRecord", "BatchGetRecord", "DeleteRecord"
)
refuse(
    "sagemaker-metrics",
    "no statistics of a trial component's metrics are made here; DescribeTrialComponent lists what was put",
    "BatchGetMetrics",
)
