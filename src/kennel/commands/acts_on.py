"""Which account a task acts on: printed before it acts, and refused if it is not the one that was named."""

from __future__ import annotations

import os

from kennel.errors import UsageError

# What `local.env` exports beside the variables of the connection: see kennel.aws.infrastructure.shell.
_EXPORTED = (
    *("KENNEL_ENV", "KENNEL_WORKSPACE", "TF_VAR_region", "TF_DATA_DIR"),
    *("TF_CLI_ARGS_init", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_apply", "TF_CLI_ARGS_destroy"),
)


def announce(environment: str) -> None:
    """Print in one line the account, region, endpoint and environment that a task acts on.

    Parameters
    ----------
    environment
        ``local``, ``dev`` or ``prod``, as the command line names it.

    Raises
    ------
    UsageError
        The environment variables point elsewhere than the environment's name says.
    """
    from botocore.exceptions import ClientError

    from kennel import terminal
    from kennel.aws import session

    local = environment == "local"
    _check_local() if local else _check_aws(environment)
    try:
        caller = session.caller()
    except ClientError as error:
        if local and error.response["Error"]["Code"] in ("InvalidClientTokenId", "SignatureDoesNotMatch"):
            raise UsageError(
                f"the local cloud at {session.endpoint_url()} does not know this shell's AWS credentials: "
                'set its own with eval "$(./kennel local.env)", or name an AWS environment with --env dev'
            ) from error
        raise
    if not local and not caller.on_aws:
        raise UsageError(
            f"--env {environment} is AWS, but AWS's configuration names the endpoint {caller.endpoint_url}: "
            "remove endpoint_url from the profile, or use --env local"
        )
    cloud = "local cloud" if local else "AWS"
    terminal.print_line(
        f"acts on account {caller.account}, {caller.region}, {cloud} ({caller.endpoint_url}), "
        f"environment {environment}"
    )


def _check_aws(environment: str) -> None:
    """Refuse an AWS environment while the variables of a local cloud are set."""
    from kennel.localcloud import OPERATOR_ACCESS_KEY
    from kennel.localcloud.connection import operator_environment

    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint and os.environ.get("AWS_ACCESS_KEY_ID") != OPERATOR_ACCESS_KEY:
        return
    reason = f"AWS_ENDPOINT_URL is {endpoint}" if endpoint else "AWS_ACCESS_KEY_ID is the local cloud's"
    names = [name for name in (*operator_environment("", ""), *_EXPORTED) if name in os.environ]
    raise UsageError(
        f"--env {environment} is AWS, but {reason}: open another shell, or first run unset {' '.join(names)}"
    )


def _check_local() -> None:
    """Refuse ``local`` while AWS_ENDPOINT_URL is not that of a running local cloud."""
    from kennel.aws import session
    from kennel.aws.infrastructure import shell
    from kennel.localcloud import OPERATOR_ACCESS_KEY
    from kennel.localcloud.connection import is_local_cloud

    endpoint = session.endpoint_url() or "AWS's own"
    if not is_local_cloud(endpoint):
        raise UsageError(
            f"--env local, but AWS_ENDPOINT_URL is {endpoint}, where no local cloud answers: run "
            "unset AWS_ENDPOINT_URL, then ./kennel local.up; or name an AWS environment with --env dev"
        )
    if os.environ.get("AWS_ACCESS_KEY_ID") == OPERATOR_ACCESS_KEY:
        for name in shell.CONFLICTING:  # they would take precedence over the local cloud's, or mix with them
            os.environ.pop(name, None)
