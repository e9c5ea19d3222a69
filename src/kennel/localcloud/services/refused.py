"""What would run, listen or answer on AWS and does nothing in moto: refused, so that nobody waits for it."""

from __future__ import annotations

from kennel.localcloud.dispatch.coverage import refuse

NO_DATABASE = "no database listens here; create it in an AWS account, or run one beside the local cloud"
NO_CACHE = "no cache listens here; run one beside the local cloud"
NO_CONTAINERS = "containers are not run; use a Lambda function, a SageMaker job or an endpoint"
NO_MODEL = "no model of AWS's answers here; call the service in an AWS account"
NO_QUERY = "no query engine runs here; read the objects with a program of your own"
NO_RUN = "nothing runs here; use a Lambda function, a SageMaker job or Systems Manager's Run Command"
NO_LISTENER = "nothing listens here; call the function, its URL or the endpoint itself"
NO_FILES = "nothing mounts file systems here; keep files in S3"
NO_BROKER = "no device listens here; publish to an SNS topic or an event bus"
NO_WATCH = "nothing watches or records here; leave it out, or enable it in an AWS account"
NO_TRAIL = (
    "no trail is written here; set enable_logging to false: the local cloud's own audit log has the calls"
)
NO_COSTS = "nothing costs here; `./kennel cost` shows what a stack costs on AWS"
NO_MAIL = "no mail is sent from here; publish to an SNS topic with a queue"
NO_TEMPLATES = (
    "its resources would skip the checks of their own services; use Terraform or the services' calls"
)

REFUSED = {
    NO_DATABASE: {
        "rds": (
            "CreateDBCluster CreateDBInstance CreateDBInstanceReadReplica CreateDBProxy CreateGlobalCluster"
            " RestoreDBClusterFromSnapshot RestoreDBClusterToPointInTime RestoreDBInstanceFromDBSnapshot"
            " RestoreDBInstanceToPointInTime StartExportTask"
        ),
        "redshift": "CreateCluster RestoreFromClusterSnapshot",
        "opensearch": "CreateDomain",
        "es": "CreateElasticsearchDomain",
        "opensearchserverless": "CreateCollection",
        "kafka": "CreateCluster CreateClusterV2",
        "mq": "CreateBroker",
        "rds-data": "ExecuteStatement",
        "redshift-data": "ExecuteStatement",
    },
    NO_CACHE: {
        "elasticache": "CreateCacheCluster CreateReplicationGroup",
        "memorydb": "CreateCluster",
        "dax": "CreateCluster",
    },
    NO_CONTAINERS: {
        "batch": "SubmitJob",
        "ecs": "CreateService CreateTaskSet RunTask StartTask",
        "eks": "CreateCluster CreateFargateProfile CreateNodegroup",
        "emr-containers": "StartJobRun",
    },
    NO_MODEL: {
        "bedrock-runtime": "Converse ConverseStream InvokeModel InvokeModelWithResponseStream",
        "comprehend": (
            "CreateDocumentClassifier CreateEndpoint CreateEntityRecognizer DetectKeyPhrases"
            " DetectPiiEntities DetectSentiment StartDocumentClassificationJob"
            " StartDominantLanguageDetectionJob StartEntitiesDetectionJob StartKeyPhrasesDetectionJob"
            " StartPiiEntitiesDetectionJob StartSentimentDetectionJob StartTopicsDetectionJob"
        ),
        "polly": "SynthesizeSpeech",
        "rekognition": (
            "CompareFaces DetectCustomLabels DetectLabels DetectText StartFaceSearch StartTextDetection"
        ),
        "textract": "DetectDocumentText StartDocumentAnalysis StartDocumentTextDetection",
        "transcribe": "StartMedicalTranscriptionJob StartTranscriptionJob",
    },
    NO_QUERY: {"athena": "StartQueryExecution", "timestream-query": "Query"},
    NO_RUN: {
        "codebuild": "StartBuild",
        "codedeploy": "CreateDeployment",
        "codepipeline": "StartPipelineExecution",
        "datapipeline": "ActivatePipeline",
        "datasync": "StartTaskExecution",
        "dms": "StartReplicationTask",
        "elasticbeanstalk": "CreateEnvironment",
        "emr": "AddJobFlowSteps RunJobFlow",
        "emr-serverless": "StartApplication StartJobRun",
        "fis": "StartExperiment",
        "glue": "CreateDevEndpoint CreateSession StartCrawler StartJobRun StartTrigger StartWorkflowRun",
        "pipes": "CreatePipe StartPipe",
        "stepfunctions": "StartExecution StartSyncExecution",
        "swf": "StartWorkflowExecution",
        "synthetics": "CreateCanary",
    },
    NO_LISTENER: {
        "appsync": "CreateApi CreateGraphqlApi",
        "cloudfront": "CreateDistribution CreateDistributionWithTags",
        "elb": "CreateLoadBalancer",
        "elbv2": "CreateLoadBalancer",
        "transfer": "CreateServer",
    },
    NO_MAIL: {
        "ses": "SendBulkTemplatedEmail SendEmail SendRawEmail SendTemplatedEmail",
        "sesv2": "SendEmail",
    },
    NO_FILES: {"efs": "CreateFileSystem", "fsx": "CreateFileSystem"},
    NO_BROKER: {"iot-data": "Publish"},
    NO_WATCH: {
        "config": "StartConfigurationRecorder",
        "guardduty": "CreateDetector",
        "inspector2": "Enable",
        "macie2": "EnableMacie",
        "securityhub": "EnableSecurityHub",
    },
    NO_TRAIL: {"cloudtrail": "StartLogging"},
    NO_COSTS: {"ce": "GetCostAndUsage"},
    NO_TEMPLATES: {
        "cloudformation": (
            "CreateChangeSet CreateStack CreateStackInstances CreateStackSet ExecuteChangeSet UpdateStack"
        ),
    },
}

for remedy, services in REFUSED.items():
    for service, names in services.items():
        refuse(service, remedy, *names.split())
