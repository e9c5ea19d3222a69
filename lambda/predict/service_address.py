"""Where AWS's services are: host names by region and partition, or a configured address."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

# From botocore's partitions.json, with which a test compares them: what a region begins with, the partition's
# DNS suffix, and its suffix for names that resolve to IPv6 addresses, too.
_PARTITIONS = (
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("", "amazonaws.com", "api.aws"),
)
_COMMERCIAL = "amazonaws.com"
# A name that fits into a host name, and a certificate for one label before the service's name.
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def model_address(region: str, endpoint: str) -> str:
    """Return the URL under which an endpoint is invoked.

    This and `bucket_address` follow the variables of AWS's SDKs: ``AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`` or
    ``AWS_ENDPOINT_URL_S3``, then ``AWS_ENDPOINT_URL``, unless ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`` is
    true; and ``AWS_USE_FIPS_ENDPOINT`` and ``AWS_USE_DUALSTACK_ENDPOINT``.
    """
    path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
    if configured := _configured("SAGEMAKER_RUNTIME"):
        return configured + path
    fips, dual_stack = _is_set("AWS_USE_FIPS_ENDPOINT"), _is_set("AWS_USE_DUALSTACK_ENDPOINT")
    host = "runtime.sagemaker"
    suffix = _suffixes(region)[dual_stack]
    if fips and suffix != _COMMERCIAL:
        host = "runtime.sagemaker-fips"
    elif fips and not region.startswith("us-gov-"):  # GovCloud has one name for both
        host = "runtime-fips.sagemaker"
    return f"https://{host}.{region}.{suffix}{path}"


def bucket_address(region: str, bucket: str) -> str:
    """Return the URL of a bucket: its own host name, or, where that cannot be, a path of the service's."""
    if configured := _configured("S3"):
        return f"{configured}/{bucket}"
    host = "s3-fips" if _is_set("AWS_USE_FIPS_ENDPOINT") else "s3"
    if _is_set("AWS_USE_DUALSTACK_ENDPOINT"):
        host += ".dualstack"
    host = f"{host}.{region}.{_suffixes(region)[0]}"
    return f"https://{bucket}.{host}" if _HOST_LABEL.fullmatch(bucket) else f"https://{host}/{bucket}"


def _configured(service: str) -> str:
    if _is_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return ""
    url = os.environ.get(f"AWS_ENDPOINT_URL_{service}") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return url.rstrip("/")


def _suffixes(region: str) -> tuple[str, str]:
    """Return the DNS suffix of a region's partition, and that for names with IPv6 addresses, too."""
    return next((suffix, both) for prefix, suffix, both in _PARTITIONS if region.startswith(prefix))


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"
