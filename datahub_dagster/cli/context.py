"""What every command has: the options of the command line as a whole, and the hub that they lead to."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # a command's `--help` needs none of these
    from datahub_dagster.cli.output import Output
    from datahub_dagster.domain.contract import Contract, ContractBook
    from datahub_dagster.ports import Hub
    from datahub_dagster.settings import Settings

TEXT, JSON, CSV, MARKDOWN = "text", "json", "csv", "markdown"
OUTPUTS = (TEXT, JSON, CSV, MARKDOWN)  # each command takes some of them


@dataclass
class Session:
    """One call of the command line. Settings, hub and contracts are read when first asked for, and once."""

    root: str | None = None
    project_dir: Path | None = None
    output: str = TEXT
    debug: bool = False
    quiet: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """The environment with the options of the command line in it: for settings and child processes."""
        given = dict(os.environ)
        if self.root is not None:
            given["DATAHUB_ROOT"] = self.root if "://" in self.root else str(Path(self.root).absolute())
        if self.project_dir is not None:
            given["DATAHUB_DBT_PROJECT_DIR"] = str(self.project_dir.absolute())
        return given

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raises `SettingsError`."""
        from datahub_dagster.settings import Settings

        return Settings.from_environment(self.environment)

    @cached_property
    def hub(self) -> "Hub":
        """The hub. Opening it writes nothing."""
        from datahub_dagster.wiring import open_hub

        return open_hub(self.settings)

    @cached_property
    def book(self) -> "ContractBook":
        """The contracts as they are now; what is wrong with them is told on stderr."""
        book = self.hub.book()
        for fault in book.faults:
            self.out.note(f"contract fault in {fault.team}: {fault}", "yellow")
        return book

    @cached_property
    def out(self) -> "Output":
        """Where results and progress go."""
        from datahub_dagster.cli.output import Output

        return Output(as_json=self.output == JSON, quiet=self.quiet)

    @property
    def actor(self) -> str:
        """Who runs this, for the records."""
        import getpass

        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container's user without a name
            return f"uid {os.getuid()}"

    def contracts(self, dataset: str | None, *, team: str | None = None) -> "Sequence[Contract]":
        """One dataset, those of a team, or all; by name.

        Raises:
            UnknownDatasetError: There is no such dataset.
            UsageError: There is no such team.
        """
        if dataset is not None:
            return [self.book.find(dataset)]
        if team is None:
            return sorted(self.book.datasets.values(), key=lambda contract: contract.name)
        if found := self.book.of_team(team):
            return found
        from datahub_dagster.errors import UsageError

        raise UsageError(
            "there is no team of that name with a dataset",
            subject=team,
            found=f"the teams {', '.join(self.book.teams)}" if self.book.teams else "no team at all",
            next_step="datahub status",
        )


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False and parameter.name:
        setattr(ctx.ensure_object(Session), parameter.name, value)


def _global_options(outputs: Sequence[str]) -> list[click.Option]:
    folder = click.Path(path_type=Path)
    shared: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(
            ["--root"],
            metavar="DIR",
            help="The hub's folder, or s3://BUCKET/PREFIX. [env: DATAHUB_ROOT]",
            **shared,
        ),
        click.Option(
            ["--project-dir"],
            type=folder,
            metavar="DIR",
            help="The dbt project. [env: DATAHUB_DBT_PROJECT_DIR]",
            **shared,
        ),
        click.Option(
            ["--output"],
            type=click.Choice(outputs),
            help="Text for people (default), or one JSON document for programs."
            + (" Reports also as CSV or Markdown." if CSV in outputs else ""),
            **shared,
        ),
        click.Option(
            ["--quiet", "-q"], is_flag=True, help="No progress and no notes, only the result.", **shared
        ),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.", **shared),
    ]


class GlobalOptions(click.Command):
    """Takes the options of every command, before and after the command's name alike.

    Args:
        outputs: What `--output` may be.
    """

    def __init__(self, *args: Any, outputs: Sequence[str] = (TEXT, JSON), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outputs = outputs
        self.global_options = _global_options(outputs)
        self.params.extend(self.global_options)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, those of every command below."""
        records = {False: list[tuple[str, str]](), True: list[tuple[str, str]]()}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                records[parameter in self.global_options].append(record)
        for is_global, title in ((False, "Options"), (True, "Options of every command")):
            with formatter.section(title):
                formatter.write_dl(records[is_global])
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class HubCommand(GlobalOptions):
    """A command of the hub; what it returns is the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless an output was asked for, before its name, that it does not have."""
        wanted = ctx.ensure_object(Session).output
        if wanted not in self.outputs:
            raise click.UsageError(
                f"--output {wanted} is not for {ctx.command_path}: it has {' and '.join(self.outputs)}", ctx
            )
        return super().invoke(ctx)


class HubGroup(GlobalOptions, click.Group):
    """A command with sub-commands."""

    command_class = HubCommand


def hub_command(name: str, **attributes: Any) -> Callable[[Callable[..., int | None]], HubCommand]:
    """Make a function that takes the `Session` first a command."""
    return click.command(name, cls=HubCommand, **attributes)


dataset_argument = click.argument("dataset", metavar="DATASET")
optional_dataset = click.argument("dataset", metavar="[DATASET]", required=False)
pass_session = click.make_pass_decorator(Session)
