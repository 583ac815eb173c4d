"""Data tests, with what each said over time."""

from datahub_dagster.adapters.site.documents.parts import instant, table
from datahub_dagster.adapters.site.documents.schema import CheckAnswer, Test
from datahub_dagster.adapters.site.facts import Answer, DatasetFacts
from datahub_dagster.domain.contract import DataTest

_MOST = 60


def tests(facts: DatasetFacts) -> list[Test]:
    """The contract's tests, in its order."""
    return [_test(facts, test) for test in facts.contract.tests]


def _test(facts: DatasetFacts, test: DataTest) -> Test:
    answers = list(reversed(facts.answers.get(test.unique_id, ())))
    last = next((answer for answer in answers if answer.is_of_published), None)
    return Test(
        check=test.check_name,
        label=test.label,
        kind=test.kind,
        column=test.column,
        severity=test.severity.value,
        description=test.description,
        where=test.where,
        last=_answer(last, with_sample=True) if last else None,
        history=[_answer(answer, with_sample=answer is answers[0]) for answer in answers[:_MOST]],
    )


def _answer(answer: Answer, *, with_sample: bool) -> CheckAnswer:
    result = answer.result
    return CheckAnswer(
        status=result.status.value,
        failures=result.failures,
        message=result.message,
        at=instant(answer.at),
        release=str(answer.release) if answer.release else None,
        sample=table(result.sample) if with_sample else None,
    )
