"""One question to AWS for the doctor: the answer, or what it means that there is none."""

from collections.abc import Callable, Container
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.failures import code_of, failure
from datahub_dagster.domain.finding import Finding, Level

Answer = dict[str, Any]
Question = Callable[[], Any]


def ask(
    subject: str,
    action: str,
    resource: str,
    question: Question,
    *,
    absent: Container[str] = (),
    level: Level = Level.FAULT,
) -> Answer | Finding:
    """What AWS answers, or the finding that it does not.

    Args:
        subject: What the finding is about.
        action: What IAM calls the question, `s3:GetObject`.
        resource: On what, as an ARN where there is one: the finding names it.
        question: The call.
        absent: AWS's words for "there is no such thing": an empty answer.
        level: How bad it is if there is no answer: a note where only the doctor asks.
    """
    try:
        return question()
    except (ClientError, BotoCoreError) as error:
        return {} if code_of(error) in absent else _finding(subject, action, resource, error, level)


def missing_permission(subject: str, action: str, resource: str, question: Question) -> Finding | None:
    """What is wrong with a permission, or None.

    Args:
        subject: What the finding is about.
        action: What IAM calls the question.
        resource: On what.
        question: A call that changes nothing, as there is nothing for it to change. AWS looks at permissions first, so that
            such a refusal says that the permission is there.
    """
    try:
        question()
    except (ClientError, BotoCoreError) as error:
        if failure(error, action, resource).reason == f"AWS refused ({action})":
            return None
        return _finding(subject, action, resource, error, Level.FAULT)
    return None


def _finding(
    subject: str, action: str, resource: str, error: ClientError | BotoCoreError, level: Level
) -> Finding:
    told = failure(error, action, resource)
    next_step = (told.next_step or "").replace(" on it ", f" on {resource} ")
    return Finding(
        level=level, subject=subject, found=f"{resource}: {told.reason}: {told.found}", next_step=next_step
    )
