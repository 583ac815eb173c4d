"""The environment that Terraform made on the emulator, as each of its roles sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
from botocore.config import Config
from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of
from datahub_dagster.adapters.catalog.glue import GlueCatalog
from datahub_dagster.adapters.notify.object_outbox import ObjectOutbox
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.adapters.storage.s3_for_duckdb import register_s3
from datahub_dagster.domain.contract import Contract
from datahub_dagster.ports import Hub
from datahub_dagster.settings import S3Root
from tests.hubs import PlainSqlAuditor, SteppingClock, hub_at
from tests.infra.terraform import Terraform

REGION = "eu-west-1"
_ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
POLICIES = {"hub": "hub", "retention": "retention", "reader": "reader", "team-markets": "inbox"}


@dataclass
class Environment:
    """What Terraform made: its outputs, and clients for each of its roles.

    Attributes:
        account_id: The emulator's account; as an access key it is the account's root.
    """

    terraform: Terraform
    endpoint: str
    account_id: str
    outputs: dict[str, Any]
    _sessions: dict[tuple[str, str], Any] = field(default_factory=dict)
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _adapters: dict[str, AwsClients] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        return self.outputs["settings"]

    @property
    def bucket(self) -> str:
        return S3Root.parse(self.settings["DATAHUB_ROOT"]).bucket

    @property
    def docs_bucket(self) -> str:
        return S3Root.parse(self.settings["DATAHUB_DOCS_ROOT"]).bucket

    def client(self, role: str, service: str, *, scheme: str = "https") -> Any:
        """A client with the credentials of a role. `root` is the account's owner, whom no policy binds.

        The emulator speaks no TLS; it believes the header of a proxy that does.
        """
        key = (role, service, scheme)
        if key not in self._clients:
            session = self._session(role, scheme)
            self._clients[key] = session.client(service, endpoint_url=self.endpoint, config=_ONE_ATTEMPT)
        return self._clients[key]

    def aws(self, role: str) -> AwsClients:
        """The adapters' clients with the credentials of a role. The test's AWS_ENDPOINT_URL has to name the emulator."""
        if role not in self._adapters:
            self._adapters[role] = AwsClients(self._session(role, "https"), _ONE_ATTEMPT)
        return self._adapters[role]

    def hub(self, role: str, *contracts: Contract, now: datetime) -> Hub:
        """The hub as a role runs it, without dbt."""
        clients, storage = self.aws(role), self.storage(role)
        return hub_at(
            Path(),
            *contracts,
            storage=storage,
            catalog=GlueCatalog(clients, storage, prefix=self.settings["DATAHUB_GLUE_PREFIX"]),
            notifier=ObjectOutbox(storage),
            auditor=PlainSqlAuditor(storage, lambda: self.duckdb(role)),
            clock=SteppingClock(now),
        )

    def storage(self, role: str) -> S3Storage:
        """The hub's storage as a role sees it."""
        return S3Storage(self.aws(role), self.bucket, S3Root.parse(self.settings["DATAHUB_ROOT"]).prefix)

    def duckdb(self, role: str) -> duckdb.DuckDBPyConnection:
        """A connection that reads the hub's files as a role."""
        connection = duckdb.connect()
        register_s3(connection, self.aws(role))
        return connection

    def there_is(self, path: str, content: bytes = b"{}") -> str:
        """Put a file below the hub's prefix, behind everybody's back, and give its key."""
        key = f"prod/{path}"
        self.client("root", "s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What a role's own policy says."""
        found = self.client("root", "iam").get_role_policy(
            RoleName=f"datahub-prod-{role}", PolicyName=POLICIES[role]
        )
        return found["PolicyDocument"]["Statement"]

    def close(self) -> None:
        for client in (*self._clients.values(), *self._adapters.values()):
            client.close()

    def _session(self, role: str, scheme: str) -> Any:
        if (role, scheme) not in self._sessions:
            session = boto3.Session(region_name=REGION, **self._credentials(role))

            def told(request: Any, **_: Any) -> None:
                request.headers["X-Forwarded-Proto"] = scheme

            session.events.register("before-send", told)
            self._sessions[role, scheme] = session
        return self._sessions[role, scheme]

    def _credentials(self, role: str) -> dict[str, Any]:
        if role == "root":
            return {"aws_access_key_id": self.account_id, "aws_secret_access_key": "test"}
        asked = {"RoleArn": self.outputs["roles"][role], "RoleSessionName": "a-test"}
        given = self.client("root", "sts").assume_role(**asked)["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether AWS answers that it is not allowed. Any other error is one."""
    try:
        call(**arguments)
    except ClientError as error:
        if code_of(error) in ("AccessDenied", "AccessDeniedException", "403"):
            return True
        raise
    return False


def as_list(value: str | list[str]) -> list[str]:
    """IAM leaves out the brackets around a single value."""
    return [value] if isinstance(value, str) else value


def upload_in_parts(s3: Any, bucket: str, key: str, content: bytes, **completion: Any) -> None:
    """Write an object of one part; `completion` is for the call that makes it an object."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=content)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts, **completion)
