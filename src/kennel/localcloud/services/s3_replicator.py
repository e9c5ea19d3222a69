"""S3: replicates what a call has written, at once and with the rights of the configuration's role.

Source: S3 user guide, "What does Amazon S3 replicate?", "Setting up permissions for live replication".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.authorization.api_call import access_denied, check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.s3 import bucket_permission, kms_permissions_on, object_permission
from kennel.localcloud.authorization.trust import assume_for_service
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store, replicas
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.moto_adapter.credential_store import SessionCredentials
from kennel.localcloud.moto_adapter.customer_keys import digest_with
from kennel.localcloud.moto_adapter.object_encryption import Encryption
from kennel.localcloud.moto_adapter.replicas import ReplicaSettings
from kennel.localcloud.moto_adapter.s3_events import ObjectChange, S3Request
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.s3_blocked_encryption import check_not_blocked
from kennel.localcloud.services.s3_replication import ARN, KIND, filter_of, is_enabled, replica_key

log = logging.getLogger(__name__)
SERVICE = "s3.amazonaws.com"
SESSION_SECONDS = 3600
LOCKS = ("PutObjectRetention", "PutObjectLegalHold")  # of which there are no events


@dataclass
class Sessions(TransientStore):
    """The sessions of the roles that replicate, by the roles' ARNs."""

    by_role: dict[str, SessionCredentials] = field(default_factory=dict)


def replicate(call: Call, changes: Iterable[ObjectChange]) -> None:
    """Replicate what a call has changed, as the buckets say; what fails is logged and shown as ``FAILED``."""
    parameters, every = call.parameters, {(each.bucket, each.key, each.version): each for each in changes}
    if call.operation in LOCKS:
        record = replicas.version_of(parameters["Bucket"], parameters["Key"], parameters.get("VersionId"))
        change = ObjectChange(parameters["Bucket"], parameters["Key"], str(record.version_id), call.operation)
        every[change.bucket, change.key, change.version] = change
    for change in every.values():
        bucket = policy_store.bucket_record(change.bucket)
        settings = configurations_of(bucket, KIND) if bucket else {}
        version = replicas.version_of(change.bucket, change.key, change.version) if settings else None
        if version is not None:
            _Replication(call.cloud.in_region(bucket.region_name), settings, change, version).run()


@dataclass(frozen=True)
class _Replication:
    """The replication of one version.

    Attributes
    ----------
    settings
        The bucket's configuration.
    version
        moto's record of what was written: an object or a delete marker.
    """

    cloud: Cloud
    settings: dict[str, Any]
    change: ObjectChange
    version: Any

    def run(self) -> None:
        status = replicas.status_of(self.version)
        is_new = self.change.event.startswith(("ObjectCreated", "ObjectRemoved"))
        if is_new == bool(status):
            return  # a replica is not replicated again, nor what is changed of an object that was not
        rules = [rule for rule in self._rules() if status != replicas.REPLICA or _of_replicas(rule)]
        results = [self._attempt(rule) for rule in rules]
        if results and status != replicas.REPLICA:
            replicas.mark(self.version, "COMPLETED" if all(results) else "FAILED")

    def _rules(self) -> list[dict[str, Any]]:
        """Return the rule of the highest priority for each destination."""
        matching = [rule for rule in self.settings["Rules"] if self._applies(rule)]
        matching.sort(key=lambda rule: -int(rule.get("Priority") or 0))
        by_target: dict[str, dict[str, Any]] = {}
        for rule in matching:
            by_target.setdefault(rule["Destination"]["Bucket"], rule)
        return list(by_target.values())

    def _applies(self, rule: dict[str, Any]) -> bool:
        prefix, tags = filter_of(rule)
        if rule["Status"] != "Enabled" or not self.change.key.startswith(prefix):
            return False
        if not replicas.is_object(self.version):
            return "Filter" not in rule or is_enabled(rule, "DeleteMarkerReplication")
        encryption = Encryption(self.version.encryption, self.version.kms_key_id)
        criteria = rule.get("SourceSelectionCriteria") or {}
        if encryption.with_kms and not is_enabled(criteria, "SseKmsEncryptedObjects"):
            return False
        return tags.items() <= replicas.tags_of(self.version).items()

    def _attempt(self, rule: dict[str, Any]) -> bool:
        target = rule["Destination"]["Bucket"].removeprefix(ARN)
        try:
            session = self._session()
            with S3Request("PutObject", f"AWS:{session.principal.unique_id}", SERVICE).answering():
                _Copy(self.cloud, self._request(session), self.change, self.version, rule, target).make()
        except ServiceException as error:
            source = f"{self.change.bucket}/{self.change.key}"
            log.warning("%s was not replicated to %s: %s: %s", source, target, error.code, error.message)
            return False
        return True

    def _session(self) -> SessionCredentials:
        role, sessions = self.settings["Role"], self.cloud.store(Sessions).by_role
        session = sessions.get(role)
        if session is None or session.expired:
            session = assume_for_service(self.cloud, role, SERVICE, "s3-replication", SESSION_SECONDS)
            sessions[role] = session
        return session

    def _request(self, session: SessionCredentials) -> ApiRequest:
        change = self.change
        return ApiRequest(
            service="s3",
            operation="ReplicateObject",
            principal=session.principal,
            parameters={"Bucket": change.bucket, "Key": change.key, "VersionId": change.version},
            region=self.cloud.region,
            protocol="rest-xml",
            source_ip=SERVICE,
            user_agent=SERVICE,
        )


def _of_replicas(rule: dict[str, Any]) -> bool:
    return is_enabled(rule.get("SourceSelectionCriteria") or {}, "ReplicaModifications")


@dataclass(frozen=True)
class _Copy:
    """One version on its way to one bucket, in the name of the role that `request` has."""

    cloud: Cloud
    request: ApiRequest
    change: ObjectChange
    version: Any
    rule: dict[str, Any]
    target: str

    def make(self) -> None:
        """Write the replica, or what has changed of it.

        Raises
        ------
        AwsError
            The role may not, or the destination takes no replicas.
        """
        record = policy_store.bucket_record(self.target)
        if record is None or record.versioning_status != "Enabled":
            raise AwsError("InvalidRequest", "Destination bucket must exist and have versioning enabled.")
        self._require(bucket_permission(self.request, "GetReplicationConfiguration"))
        if not replicas.is_object(self.version):
            self._require(bucket_permission(self.request, "ListBucket"), self._there("ReplicateDelete"))
            replicas.put_marker(self.version, self.target)
            return
        encryption = self._permitted_encryption()
        if digest_with(self.version):
            check_not_blocked(record)
        if replicas.is_locked(self.version):
            self._require(self._here("GetObjectRetention"), self._here("GetObjectLegalHold"))
            if not record.object_lock_enabled:
                raise AwsError("InvalidRequest", "Destination bucket is missing Object Lock Configuration")
        with_tags = self._may(self._here("GetObjectVersionTagging")) and self._may(
            self._there("ReplicateTags")
        )
        existing = replicas.version_of(self.target, self.change.key, self.change.version)
        if existing is None:
            storage = self.rule["Destination"].get("StorageClass")
            settings = ReplicaSettings(storage, encryption, with_tags)
            replicas.replicate(self.version, self.target, settings)
        elif replicas.is_object(existing):
            replicas.adapt(self.version, existing, with_tags=with_tags)

    def _permitted_encryption(self) -> Encryption:
        """Check that the role may read the object and write its replica; return how that is encrypted."""
        source = Encryption(self.version.encryption, self.version.kms_key_id)
        read = self._here("GetObjectVersionForReplication")
        if not source.with_kms and not self._may(read):
            read = self._here("GetObjectVersion")  # which is enough for what S3's own keys encrypt
        self._require(read, self._here("GetObjectVersionAcl"), self._there("ReplicateObject"))
        if not source.with_kms:
            return source
        replica = Encryption(source.algorithm, replica_key(self.rule))
        key = self.change.key
        self._require(
            *kms_permissions_on("kms:Decrypt", self.request, source.key_id, self.change.bucket, key),
            *kms_permissions_on("kms:Encrypt", self.request, replica.key_id, self.target, key),
        )
        return replica

    def _here(self, action: str) -> RequiredPermission:
        return object_permission(self.request, action, self.change.key, self.change.bucket)

    def _there(self, action: str) -> RequiredPermission:
        return object_permission(self.request, action, self.change.key, self.target)

    def _may(self, permission: RequiredPermission) -> bool:
        authorizer = Authorizer(ImmediateAudit(self.cloud.audit_log))
        return check_permission(self.request, permission, authorizer).allowed

    def _require(self, *permissions: RequiredPermission) -> None:
        for permission in permissions:
            decision = check_permission(
                self.request, permission, Authorizer(ImmediateAudit(self.cloud.audit_log))
            )
            if not decision.allowed:
                raise access_denied(self.request, permission, decision)
