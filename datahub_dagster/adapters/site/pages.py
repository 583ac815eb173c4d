"""Facts → pages: every file of the site by its path, as bytes, before anything is written."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from datahub_dagster.adapters.site import as_json, facts, web
from datahub_dagster.adapters.site.facts import DatasetFacts, SiteFacts
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.release import WHOLE

HOME = "index.html"
DBT_DOCS = "dbt/index.html"

_HERE = Path(__file__).parent
_ASSETS = ("hub.css", "hub.js")
_MOST_DELIVERIES = 100  # on a page; the JSON beside it has them all


def build_pages(site: SiteFacts, *, zone: ZoneInfo, docs_url: str, has_dbt_docs: bool) -> dict[str, bytes]:
    """Every file by its path below the site's root, in the order in which they are to be written: the start page last.

    Args:
        site: What to show.
        zone: The zone in which times are told.
        docs_url: Address of the site's root, for canonical links; empty = none.
        has_dbt_docs: Whether dbt's own page is there to link to.
    """
    assets = {name: (_HERE / "assets" / name).read_bytes() for name in _ASSETS}
    # With its digest in the name, a page never meets the style sheet of another version, whatever a browser has cached.
    asset_paths = {name: _with_digest(name, content) for name, content in assets.items()}
    environment = _environment(zone)
    environment.globals["known"] = frozenset(dataset.name for dataset in site.datasets)
    pages = {asset_paths[name]: content for name, content in assets.items()}

    def page(path: str, template: str, **values: object) -> None:
        html = environment.get_template(template).render(
            site=site,
            root="../" * path.count("/"),
            assets=asset_paths,
            canonical=f"{docs_url.rstrip('/')}/{path}" if docs_url else None,
            has_dbt_docs=has_dbt_docs,
            zone_name=zone.key,
            **values,
        )
        pages[path] = html.encode("utf-8", "replace")

    for dataset in site.datasets:
        pages[f"datasets/{dataset.name}.json"] = as_json.encode(as_json.dataset_document(dataset))
        page(
            f"datasets/{dataset.name}.html",
            "dataset.html.j2",
            dataset=dataset,
            most_deliveries=_MOST_DELIVERIES,
        )
    page("consumers.html", "consumers.html.j2")
    pages["status.json"] = as_json.encode(as_json.site_document(site))
    page(HOME, "index.html.j2")
    return pages


def _with_digest(name: str, content: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"assets/{stem}.{sha256(content).hexdigest()[:10]}.{suffix}"


def _environment(zone: ZoneInfo) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,  # everything that a team writes is text, never markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def time(at: object) -> str | Markup:
        from datetime import datetime

        if not isinstance(at, datetime):
            return "–"
        return Markup('<time datetime="{}">{}</time>').format(web.machine_time(at), words.instant(at, zone))

    filters: dict[str, Callable[..., object]] = {
        "time": time,
        "count": words.count,
        "size": words.size,
        "duration": words.duration,
        "share": words.share,
        "attained": slo_words.attained,
        "became": partial(slo_words.became, with_age=False),
        "business_date": words.business_date,
        "freshness": words.freshness,
        "dbt_freshness": words.dbt_freshness,
        "delivery": words.delivery,
        "retention": words.retention,
        "safe_url": words.safe_url,
        "sentence": words.sentence,
    }
    environment.filters.update(filters)
    environment.globals.update(
        WHOLE=WHOLE,
        PASS=CheckStatus.PASS,
        plural=words.plural,
        slo_words=slo_words,
        anchor=web.anchor,
        duckdb_sql=web.duckdb_sql,
        failing=facts.failing,
        search_text=search_text,
        dataset_link=_dataset_link,
    )
    return environment


def search_text(dataset: DatasetFacts) -> str:
    """What the filter of the start page looks through, beside the text of the row."""
    contract = dataset.contract
    parts = [
        *contract.owners,
        *contract.tags,
        *(column.name for column in contract.columns),
        contract.description,
    ]
    return " ".join(parts)


@pass_context
def _dataset_link(context: Context, name: object) -> Markup | str:
    """A link to a dataset's page; its bare name where it has none (its team's files are broken, say)."""
    if str(name) not in context["known"]:
        return str(name)
    link = Markup('<a class="mono" href="{}datasets/{}.html">{}</a>')
    return link.format(context["root"], str(name), str(name))
