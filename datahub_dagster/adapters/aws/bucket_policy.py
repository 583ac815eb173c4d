"""What a bucket's policy says, as far as the doctor needs to know."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from datahub_dagster.adapters.aws.asking import ask
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.domain.finding import Finding, Level


class BucketPolicy:
    """The statements of a policy. Judges by action and place; conditions are looked for and not worked out.

    >>> policy = BucketPolicy(
    ...     {"Statement": {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::b/*"}}
    ... )
    >>> policy.denies("s3:DeleteObject", "arn:aws:s3:::b/releases/x")
    True
    """

    def __init__(self, document: dict[str, Any]) -> None:
        statements = document.get("Statement", [])
        self._statements: list[dict[str, Any]] = statements if isinstance(statements, list) else [statements]

    @classmethod
    def of(cls, aws: AwsClients, bucket: str, subject: str) -> "BucketPolicy | Finding":
        """The policy of a bucket, empty if it has none; or the note that it can't be looked at."""
        answer = ask(
            subject,
            "s3:GetBucketPolicy",
            f"arn:aws:s3:::{bucket}",
            lambda: aws.s3.get_bucket_policy(Bucket=bucket),
            absent=("NoSuchBucketPolicy",),
            level=Level.NOTE,
        )
        return answer if isinstance(answer, Finding) else cls(json.loads(answer.get("Policy", "{}")))

    def lets_everybody(self, action: str, place: str) -> bool:
        """Whether anybody may do something there, without a condition."""
        return any(
            _is_everybody(statement.get("Principal")) and not statement.get("Condition")
            for statement in self._about("Allow", action, place)
        )

    def denies(self, action: str, place: str, condition: str = "") -> bool:
        """Whether a statement forbids something there; one that has this word among its conditions, if it is given."""
        return any(
            condition.lower() in json.dumps(statement.get("Condition", {})).lower()
            for statement in self._about("Deny", action, place)
            if condition or "SecureTransport" not in json.dumps(statement)
        )

    def _about(self, effect: str, action: str, place: str) -> Iterator[dict[str, Any]]:
        for statement in self._statements:
            if (
                statement.get("Effect") == effect
                and _names(statement, "Action", action)
                and _names(statement, "Resource", place)
            ):
                yield statement


def _is_everybody(principal: object) -> bool:
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    return "*" in (named if isinstance(named, list) else [named])


def _names(statement: dict[str, Any], what: str, wanted: str) -> bool:
    """Whether a statement names an action or a place, with `*` and `?` as IAM reads them."""
    for name, is_meant in ((what, True), (f"Not{what}", False)):
        if name in statement:
            patterns = statement[name] if isinstance(statement[name], list) else [statement[name]]
            return is_meant is any(
                fnmatchcase(wanted.lower(), pattern.lower().replace("[", "[[]")) for pattern in patterns
            )
    return False
