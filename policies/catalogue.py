"""The project's own checks: their ids, names, and what an attacker gains. Independent of checkov.

A part of `docs/audit.md` is generated from this table. checkov has one registry for resources, one for data
sources and one for modules, so a rule that concerns several of them has an id in each.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "CKV_KENNEL_"


@dataclass(frozen=True)
class Entry:
    """One rule.

    Parameters
    ----------
    numbers
        The ids of its checks, without the prefix; see ``blocks``.
    blocks
        What each id examines.
    name
        What it ensures.
    gains
        What an attacker gains where it fails.
    remedy
        What to write instead.
    """

    numbers: tuple[int, ...]
    blocks: tuple[str, ...]
    name: str
    gains: str
    remedy: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its checks."""
        return tuple(f"{PREFIX}{number}" for number in self.numbers)


_POLICIES = ("policy documents", "policies in JSON")

BROAD_POLICY = Entry(
    (1, 2, 3),
    ("resources", "data sources", "module arguments"),
    "no AWS-managed FullAccess or administrator policy is attached",
    "Code that runs with the role (a poisoned dependency, a hostile image that exploits a decoder, an "
    "injected command) reads and deletes everything of the service, of every stack in the account. "
    "AmazonSageMakerFullAccess also creates notebooks and jobs with other roles, reads every bucket "
    "whose name contains sagemaker, and pushes images.",
    "Grant the single actions that the workload calls, on the ARNs that it uses.",
)
WHOLE_SERVICE = Entry(
    (4, 5),
    _POLICIES,
    "no policy allows all actions, or all of a service",
    "The actions of a service that nobody needs here are those that help an attacker: s3:* contains "
    "PutBucketPolicy, which opens a bucket to the internet, and DeleteBucket; lambda:* contains "
    "UpdateFunctionCode, which runs code in a function's role; iam:* is the whole account. Actions that"
    " AWS adds later are granted too.",
    "List the actions that the workload calls.",
)
PASS_ROLE = Entry(
    (6, 7),
    _POLICIES,
    "iam:PassRole names its roles and their service",
    "Whoever may pass any role to a service that runs code has the rights of the strongest role in the "
    "account: a training job or a notebook is started with an administrator's role, and its code uses "
    "that role.",
    "Name the role's ARN in Resource, and the service in the condition iam:PassedToService.",
)
SOURCE_ACCOUNT = Entry(
    (8, 9),
    _POLICIES,
    "SageMaker and Lambda assume roles for this account only (aws:SourceAccount)",
    "A confused deputy: another customer names this role in a resource of theirs, and the service acts "
    "with it for them.",
    "Compare aws:SourceAccount with the account in the trust policy.",
)
READABLE_RESOURCE = Entry(
    (10,),
    ("resources",),
    "policies can be audited: write aws_iam_policy_document, not templates or files",
    "Nothing at once. But a policy from a template, a file or a variable passes every other check in "
    "Terraform's code without having been read. The audit of a plan reads what was inserted.",
    "Write an aws_iam_policy_document, or jsonencode().",
)
READABLE_DOCUMENT = Entry(
    (11,),
    ("policy documents",),
    "policy documents can be audited: spell actions out, merge only documents",
    "As above: actions that come from a variable are not read.",
    "Write the actions into the document.",
)
PUBLIC_ACL = Entry(
    (12,),
    ("bucket ACLs",),
    "no bucket's ACL grants anything to everyone",
    "Anybody lists and reads the bucket: photos of customers, trained models. With write access they "
    "replace the release that the endpoint loads. checkov's own check follows references from the "
    "bucket only: a bucket that is named by a literal, or that another stack made, is not seen.",
    "Remove the ACL, and set BucketOwnerEnforced; let CloudFront or presigned requests serve what is public.",
)
PUBLIC_POLICY = Entry(
    (13, 14),
    _POLICIES,
    "no policy of a resource lets everyone in",
    "Principal * means every AWS account, and with S3 everybody without one: they read the bucket, send"
    " to the queue that the function works off, or use the key.",
    "Name the principals, or compare aws:SourceAccount, aws:SourceArn, aws:PrincipalOrgID or "
    "aws:PrincipalAccount.",
)
ESCALATION = Entry(
    (15, 16),
    _POLICIES,
    "no statements together let a principal raise its own rights",
    "Some rights are as good as administrator: a new version of one's own policy (CreatePolicyVersion),"
    " attaching or putting one (AttachRolePolicy, PutRolePolicy), making a strong role trust oneself "
    "(UpdateAssumeRolePolicy), a key of another user (CreateAccessKey), code in the role of another "
    "(PassRole with CreateFunction, RunInstances, CreateNotebookInstance, CreateTrainingJob; "
    "UpdateFunctionCode; SendCommand). checkov's own check knows fewer of them, and only where the "
    "resource is exactly *.",
    "Name the single roles, policies and functions. Let one role create and another pass.",
)
CREATE_ANYTHING = Entry(
    (17, 18),
    _POLICIES,
    "nothing may be created or invoked on *",
    "InvokeEndpoint on * asks the models of every team, and makes their bills; Create* on * makes "
    "instances and buckets of any name, also of names that other code trusts.",
    "Name the ARN, with the stack's prefix and a wildcard behind it where the name is not known.",
)
NOTEBOOK_INTERNET = Entry(
    (19,),
    ("notebooks and Studio domains",),
    "notebooks have no direct way to the internet",
    "Code in a notebook (a package, a cell from elsewhere) sends training data and the role's "
    "credentials to any host. AWS's default is direct access, so a notebook that says nothing has it; "
    "checkov's own check passes that.",
    'Set direct_internet_access = "Disabled" and a subnet; app_network_access_type = "VpcOnly" in a domain.',
)
ISOLATED_JOBS = Entry(
    (20,),
    ("pipelines and state machines",),
    "training in pipelines and state machines has a network of its own and encrypted volumes",
    "A job outside the stack's network sends photos and weights anywhere; volumes and artifacts under "
    "AWS's own keys cannot be withdrawn by disabling a key. Terraform has no resource for a training "
    "job itself: jobs are described in a pipeline's or state machine's definition, or started by "
    "whoever may (the next check).",
    "Set EnableNetworkIsolation or VpcConfig, ResourceConfig.VolumeKmsKeyId and OutputDataConfig.KmsKeyId.",
)
UNRESTRICTED_JOBS = Entry(
    (21, 22),
    _POLICIES,
    "who starts jobs may do so only in the network, with encrypted volumes",
    "Whoever may call CreateTrainingJob without conditions starts one outside the network, with any "
    "container, and takes along what the training role reads.",
    "Compare sagemaker:VpcSubnets or sagemaker:VpcSecurityGroupIds (or NetworkIsolation), and "
    "sagemaker:VolumeKmsKeyArn.",
)

ENTRIES = (
    BROAD_POLICY,
    WHOLE_SERVICE,
    PASS_ROLE,
    SOURCE_ACCOUNT,
    READABLE_RESOURCE,
    READABLE_DOCUMENT,
    PUBLIC_ACL,
    PUBLIC_POLICY,
    ESCALATION,
    CREATE_ANYTHING,
    NOTEBOOK_INTERNET,
    ISOLATED_JOBS,
    UNRESTRICTED_JOBS,
)
