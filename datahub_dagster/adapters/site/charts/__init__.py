"""Pictures as SVG, drawn when a page is built: no script, readable in print, in the dark and by screen readers.

Templates call them as `charts.heat_map(history)` and so on; each gives Markup, the same for the same document. Colours and sizes of
type stand in `assets/charts.css`. A picture carries its summary as the accessible name, without ids, so that any number of them fit
on a page; its shapes tell the states apart without colour.
"""

from dataclasses import dataclass

from markupsafe import Markup

from datahub_dagster.adapters.site.charts import answers, calendar, lineage, lines
from datahub_dagster.adapters.site.documents.schema import (
    DatasetDocument,
    DeliveryDocument,
    SloHistory,
    SloShort,
    Test,
)
from datahub_dagster.adapters.site.speech import Speech


@dataclass(frozen=True, slots=True)
class Charts:
    """Every picture that pages have, in one language."""

    speech: Speech

    def heat_map(self, history: SloHistory) -> Markup:
        """A calendar of an SLO's window, a cell for each day in its time zone, with a legend; the day's worst due time decides."""
        return calendar.heat_map(history, self.speech)

    def strip(self, slo: SloShort) -> Markup:
        """The last 90 days of an SLO as a narrow strip, for lists."""
        return calendar.strip(slo, self.speech)

    def budget_curve(self, history: SloHistory) -> Markup:
        """What was left of an SLO's error budget over its window, as steps."""
        return lines.budget_curve(history, self.speech)

    def trend(self, deliveries: list[DeliveryDocument]) -> Markup:
        """The rows of the newest published releases over time; nothing if there are fewer than two."""
        return lines.trend(deliveries, self.speech)

    def test_history(self, test: Test) -> Markup:
        """The newest answers of a test, the newest at the right; nothing if there are none."""
        return answers.test_history(test, self.speech)

    def lineage(self, doc: DatasetDocument, up: str) -> Markup:
        """Who is next to a dataset, as boxes with links; drawn twice, and the style sheet shows the one that fits the screen.

        Args:
            doc: The dataset.
            up: The way from the page to the site's root, as templates have it (`up`).
        """
        return lineage.lineage(doc, up, self.speech)


def of(speech: Speech) -> Charts:
    """The pictures in a language."""
    return Charts(speech)
