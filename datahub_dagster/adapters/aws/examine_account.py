"""Who the hub is on AWS, where, and whether both clocks agree."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from datahub_dagster.adapters.aws.asking import ask
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.domain import words
from datahub_dagster.domain.finding import Finding, Findings, fault, fine, note

IDENTITY = "aws identity"
_LITTLE_TIME = timedelta(minutes=30)
_SKEW = timedelta(seconds=30)  # promises of timeliness are kept in minutes
_MOST_SKEW = timedelta(minutes=5)  # then AWS refuses what was signed


def account(aws: AwsClients, now: Callable[[], datetime]) -> Findings:
    """Account, role, credentials, and the clock. A fault here means that nothing else can be asked."""
    answer = ask(IDENTITY, "sts:GetCallerIdentity", aws.region, aws.sts.get_caller_identity)
    if isinstance(answer, Finding):
        yield answer
        return
    yield fine(IDENTITY, f"{answer['Arn']} in account {answer['Account']}, region {aws.region}")
    yield from _credentials(aws.session.get_credentials(), now())
    yield from clock(answer, now())


def clock(answer: Mapping[str, Any], now: datetime) -> Findings:
    """How far this machine's clock is from AWS's, which each answer tells."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if told is None:
        return
    skew = abs(now - parsedate_to_datetime(told).astimezone(UTC))
    subject = "aws clock"
    if skew <= _SKEW:
        yield fine(subject, "this machine's clock agrees with AWS's")
        return
    found = f"this machine's clock is {words.duration(skew)} from AWS's: due times are judged by it"
    finding = fault if skew >= _MOST_SKEW else note
    yield finding(subject, found, "timedatectl set-ntp true")


def _credentials(credentials: Any, now: datetime) -> Iterator[Finding]:
    subject = "aws credentials"
    kind = getattr(credentials, "method", "unknown")
    # botocore has no public name for it; credentials that are not renewed don't know when they end.
    ends_at = getattr(credentials, "_expiry_time", None)
    if ends_at is None:
        kept = "a session of unknown length" if getattr(credentials, "token", None) else "they don't expire"
        yield fine(subject, f"from {kind}: {kept}")
        return
    found = f"from {kind}, until {ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, then boto3 gets new ones"
    if ends_at - now < _LITTLE_TIME:
        yield note(subject, found, "aws sso login, if they are a person's")
        return
    yield fine(subject, found)
