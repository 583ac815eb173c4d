"""What the platform team gives to every asset, job and sensor. This is the place to change it."""

from dataclasses import fields
from functools import lru_cache

import dagster as dg

from datahub_dagster.domain.contract import Support
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub


class HubResource(dg.ConfigurableResource):
    """The hub, opened when it is first asked for.

    Args:
        variables: `DATAHUB_*` variables, which are shown in Dagster's UI. No secrets: adapters take those from the environment.
    """

    variables: dict[str, str]

    @classmethod
    def of(cls, settings: Settings) -> "HubResource":
        """The resource for these settings."""
        values = {field.name: getattr(settings, field.name) for field in fields(settings)}
        texts = {name: _text(value) for name, value in values.items() if value not in (None, ())}
        return cls(variables={f"DATAHUB_{name.upper()}": text for name, text in sorted(texts.items())})

    @property
    def settings(self) -> Settings:
        """The settings as values. Raises `SettingsError`."""
        return Settings.from_environment(self.variables)

    def open(self) -> Hub:
        """The hub. One process opens it once, so that what it has read is not read again."""
        return _open(self.settings)


def _text(value: object) -> str:
    """A setting as its variable has it."""
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value.tool}:{value.channel}" if isinstance(value, Support) else str(value)


@lru_cache(maxsize=8)
def _open(settings: Settings) -> Hub:
    return open_hub(settings)


def resources(settings: Settings) -> dict[str, object]:
    """Every resource by the name under which assets, jobs and sensors ask for it.

    Those of AWS are for the teams' own assets beside the datasets; the hub's go through `hub`. They read region, endpoint and
    credentials from the environment, as all of AWS's tools do.
    """
    given: dict[str, object] = {"hub": HubResource.of(settings)}
    if settings.is_on_aws:
        given |= _of_aws(settings)
    return given


def _of_aws(settings: Settings) -> dict[str, object]:
    from dagster_aws.athena import AthenaClientResource
    from dagster_aws.s3 import S3Resource
    from dagster_aws.secretsmanager import SecretsManagerResource
    from dagster_aws.ssm import SSMResource

    return {
        "s3": S3Resource(),
        "athena": AthenaClientResource(
            workgroup=settings.athena_workgroup, polling_interval=1, max_polls=1800
        ),
        "secretsmanager": SecretsManagerResource(),
        "ssm": SSMResource(),
    }
