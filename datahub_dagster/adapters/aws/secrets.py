"""Secrets that only AWS keeps: no setting, record or log of the hub holds one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.errors import OutsideError

# A release waits for it: better soon without than late with it.
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})


class AwsSecret:
    """A text that Secrets Manager or the Parameter Store of Systems Manager keeps.

    Args:
        aws: Whose session asks.
        kept_by: `secretsmanager:<name or ARN>` or `ssm:<name of the parameter>`.
    """

    def __init__(self, aws: AwsClients, kept_by: str) -> None:
        self._aws = aws
        self._service, _, self._name = kept_by.partition(":")

    def __str__(self) -> str:
        return f"{self._service}:{self._name}"

    def read(self) -> str:
        """The text as it is now. Raises `OutsideError`, which tells the name of the secret and not what it is."""
        action = "ssm:GetParameter" if self._service == "ssm" else "secretsmanager:GetSecretValue"
        with outside(action, str(self), OutsideError), _answers_not_logged():
            session: Any = self._aws.session
            client = session.client(self._service, region_name=self._aws.region, config=_CONFIG)
            try:
                if self._service == "ssm":
                    return client.get_parameter(Name=self._name, WithDecryption=True)["Parameter"]["Value"]
                return client.get_secret_value(SecretId=self._name).get("SecretString", "")
            finally:
                client.close()


@contextmanager
def _answers_not_logged() -> Iterator[None]:
    """At the level DEBUG botocore logs what AWS answers, whole."""
    parsers = logging.getLogger("botocore.parsers")
    before = parsers.level
    parsers.setLevel(max(before, logging.INFO))
    try:
        yield
    finally:
        parsers.setLevel(before)
