"""Pages of other origins in a browser: they reach the objects of a bucket whose CORS lets them, nothing else.

Function URLs and APIs with CORS answer pages themselves. For S3 a page's request is let through in two steps:
by the bucket that it seems to name, and, once it is decoded, only if it is for that bucket's objects.
"""

from __future__ import annotations

from collections.abc import Callable

from kennel.localcloud.protocol import canonical, codec
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, text_response
from kennel.localcloud.server import hosts
from kennel.localcloud.services import s3_cors

PAGE_BUCKET = "kennel.page"  # in the environment of a page's request: the only bucket that it may reach
# What has the settings of buckets, and who may do what, is refused, also where it is signed.
OPERATIONS = {
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "DeleteObjectTagging",
    "GetBucketLocation",
    "GetObject",
    "GetObjectAttributes",
    "GetObjectTagging",
    "HeadBucket",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListParts",
    "PutObject",
    "PutObjectTagging",
    "UploadPart",
    "UploadPartCopy",
}


def is_of_another(environ: Environ) -> bool:
    """Whether a page of another origin in a browser sent a request: with a key, or a link, that it knows."""
    origin = environ.get("HTTP_ORIGIN")
    own = f"http://{environ.get('HTTP_HOST', '')}"
    return (origin is not None and origin != own) or (
        environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("same-origin", "none")
    )


def respond(environ: Environ, serve: Callable[[Environ], Response]) -> Response:
    """Answer a page's request, or refuse it.

    Parameters
    ----------
    serve
        Answers an AWS call.
    """
    origin, method = environ.get("HTTP_ORIGIN"), environ["REQUEST_METHOD"]
    website = hosts.website_of(environ)
    if method == "OPTIONS" and not website:
        return s3_cors.preflight(environ)
    bucket = s3_cors.bucket_of(environ)
    rule = None if website else s3_cors.rule_for(bucket, origin, method)
    if rule is None or origin is None:
        return text_response(
            403,
            "This local cloud answers programs on this machine, not pages of another origin, unless the CORS "
            "of the bucket, the function URL or the API lets them.",
        )
    response = serve({**environ, PAGE_BUCKET: bucket})
    response.headers.extend(rule.fields(origin))
    return response


def check(environ: Environ, service: str, decoded: codec.Decoded) -> None:
    """Refuse a page's request that is not for the objects of the bucket whose CORS let it through.

    Raises
    ------
    AwsError
        ``AccessForbidden``.
    """
    bucket = environ.get(PAGE_BUCKET)
    if bucket is None:
        return
    name, parameters = decoded.model.name, decoded.parameters
    if service != "s3" or name not in OPERATIONS:
        message = f"The local cloud lets no page of another origin call {service}:{name}."
        raise AwsError("AccessForbidden", message, 403)
    buckets = {decoded.labels.get("Bucket"), parameters.get("Bucket")}
    source = parameters.get("CopySource")
    if source:
        from_bucket = canonical.copy_source(source)[0]
        if s3_cors.rule_for(from_bucket, environ.get("HTTP_ORIGIN"), "GET") is None:
            buckets.add(from_bucket)
    if buckets != {bucket}:
        message = f"The CORS of the bucket {bucket} lets no page reach another bucket."
        raise AwsError("AccessForbidden", message, 403)
