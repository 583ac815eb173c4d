"""The end of `datahub demo`: how the promises were kept, and who was told what."""

from collections.abc import Mapping

from datahub_dagster.cli.output import Cell, Rows, Styled
from datahub_dagster.demo.story import Story
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.slo_report import SloReport


def slo_rows(story: Story, labels: Mapping[str, str]) -> Rows:
    """A line for each SLO of freshness for which something was due.

    Args:
        story: What happened.
        labels: What people call each consumer, by name.
    """
    return Rows(
        title="How the promises were kept (more, and every due time: datahub slo --history)",
        columns=("dataset", "promised", "kept", "late", "missed", "share", "budget", "worst"),
        numbers=("kept", "late", "missed"),
        narrow=("dataset",),
        needs_width=120,
        rows=tuple(_slo(report, labels) for report in story.slos if report.slo and report.results),
    )


def _slo(report: SloReport, labels: Mapping[str, str]) -> tuple[Cell, ...]:
    budget = report.budget
    consumer = report.slo.consumer if report.slo else None
    whom = f" (for {labels.get(consumer, consumer)})" if consumer else ""
    share = f"{slo_words.attained(budget.attainment)} of {words.share(budget.objective)}"
    worst = [
        f"{slo_words.subject(each)}: {slo_words.became(each, report.slo)}"
        for each in slo_words.worst(report, 2)
    ]
    return (
        str(report.contract.name),
        f"{slo_words.promise(report)}{whom}",
        str(budget.met),
        Styled(str(budget.late), "yellow" if budget.late else "dim"),
        Styled(str(budget.missed), "red" if budget.missed else "dim"),
        Styled(share, "green" if budget.is_kept else "red"),
        slo_words.left(budget),
        "\n".join(worst),
    )


def message_rows(story: Story) -> Rows:
    """A line for each thing that was told: when, what, and to whom."""
    told: dict[tuple[str, str], list[str]] = {}
    for message in story.messages:
        at = f"{message.created_at:%a %m-%d %H:%M} UTC"
        told.setdefault((at, message.subject), []).append(f"{message.route.tool} {message.route.channel}")
    return Rows(
        title="Who was told what (no channel is set up here: datahub alerts shows the texts)",
        columns=("at", "told", "to"),
        narrow=("at",),
        rows=tuple((at, subject, ", ".join(sorted(to))) for (at, subject), to in told.items()),
    )
