"""Clients of AWS, made when they are first needed, with one manner of waiting and trying again."""

import os
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from datahub_dagster.errors import SettingsError

PARALLEL = 16  # calls at once; S3 takes thousands, and one process gains little beyond this
_ATTEMPTS = 8


class AwsClients:
    """One client for each service, shared by all threads.

    Credentials, region and endpoint are boto3's own: environment, profile, role of the machine; AWS_REGION holds, too. AWS_MAX_ATTEMPTS and
    AWS_RETRY_MODE hold where they are set; if not, a call is tried eight times, more slowly while AWS throttles.

    Args:
        session: Credentials and region; None = those of the environment.
        config: Laid over the hub's own settings of the clients.
    """

    def __init__(self, session: boto3.Session | None = None, config: Config | None = None) -> None:
        self._session = session
        self._config = _config().merge(config) if config else _config()
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    @property
    def s3(self) -> Any:
        return self._client("s3")

    @property
    def glue(self) -> Any:
        return self._client("glue")

    @property
    def athena(self) -> Any:
        return self._client("athena")

    @property
    def sqs(self) -> Any:
        return self._client("sqs")

    @property
    def sts(self) -> Any:
        return self._client("sts")

    @property
    def session(self) -> boto3.Session:
        """The session behind the clients."""
        with self._lock:
            return self._opened()

    @property
    def region(self) -> str:
        """Where the hub is. Raises `SettingsError` if nothing says so."""
        region = self.session.region_name
        if not region:
            raise _no_region()
        return region

    @property
    def known_region(self) -> str:
        """The same for what can do without: empty if nothing says so."""
        try:
            return self.session.region_name or ""
        except SettingsError:
            return ""

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _client(self, service: str) -> Any:
        with self._lock:
            client = self._clients.get(service)
            if client is None:
                try:
                    session: Any = self._opened()  # boto3 names each service's client to type checkers
                    client = session.client(service, config=self._config)
                except NoRegionError:
                    raise _no_region() from None
                except (BotoCoreError, ValueError) as error:
                    raise SettingsError(
                        f"AWS can't be reached with these settings: {error}",
                        subject=service,
                        next_step="look at the AWS_* variables and the AWS profile, then: datahub doctor",
                    ) from error
                self._clients[service] = client
            return client

    def _opened(self) -> boto3.Session:
        if self._session is None:
            try:
                # boto3 alone among AWS's tools reads AWS_DEFAULT_REGION only.
                self._session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
            except BotoCoreError as error:  # a profile that does not exist
                raise SettingsError(
                    f"there are no usable AWS settings: {error}",
                    subject="AWS_PROFILE",
                    next_step="aws configure list, and set AWS_PROFILE to a profile of that list",
                ) from error
        return self._session


def _config() -> Config:
    try:
        return Config(
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=PARALLEL * 2,
            retries={
                "mode": os.environ.get("AWS_RETRY_MODE", "adaptive"),  # pyright: ignore[reportArgumentType]
                "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", _ATTEMPTS)),
            },
            user_agent_extra="datahub_dagster",
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(
            f"AWS_RETRY_MODE or AWS_MAX_ATTEMPTS has a value that can't be used: {error}",
            subject="AWS_RETRY_MODE, AWS_MAX_ATTEMPTS",
            promised="standard or adaptive; a whole number, 1 or more",
            next_step="unset AWS_RETRY_MODE AWS_MAX_ATTEMPTS",
        ) from error


def _no_region() -> SettingsError:
    return SettingsError(
        "is not set, and no AWS profile says it either",
        subject="AWS_REGION",
        promised="the region of the hub's bucket, Glue and Athena",
        next_step="export AWS_REGION=eu-west-1",
    )
