"""The files of `deploy/`: what they start exists, what they name is a setting, and who reads them can."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import botocore.session
import botocore.validate
import click
import pytest
import yaml
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from datahub_dagster.settings import Settings, known_variables
from tests.conftest import REPO
from tests.deploy.commands import (
    PROGRAMS,
    TASKS,
    UNITS,
    Started,
    compose,
    directives,
    example_environment,
    started,
    task,
    variables_of,
)
from tests.deploy.services import DEPLOY
from tests.docs.test_pages import parse

FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
OUTSIDE = {  # variables that are others' than the hub's, each with a reader
    "DAGSTER_HOME",  # Dagster
    "DAGSTER_PG_HOST", "DAGSTER_PG_PORT", "DAGSTER_PG_DB", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD",  # dagster.yaml
    "DAGSTER_LOGS_BUCKET", "DAGSTER_LOGS_PREFIX",  # dagster.yaml
    "DAGSTER_CODE_HOST", "DAGSTER_CODE_PORT",  # workspace.yaml, and the unit of the code
    "DATAHUB_IMAGE",  # compose.yaml
    "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE",  # boto3
}  # fmt: skip


def name_of(path: Path) -> str:
    """How a file is called in the list of tests."""
    return path.relative_to(DEPLOY).as_posix()


# ── What is started ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", list(started()), ids=str)
def test_every_command_exists_with_its_options(command: Started) -> None:
    program, *words = command.words
    if program == "python":
        compile(words[words.index("-c") + 1], command.place, "exec")
        return
    (entry,) = entry_points(group="console_scripts", name=program)

    parse(click_command(entry.load()), program, words)


def click_command(main: object) -> click.Command:
    """The command behind a console script, which is one or calls one."""
    if isinstance(main, click.Command):
        return main
    module = sys.modules[main.__module__]
    candidates = {
        "datahub_dagster.cli": "datahub",
        "dagster._cli": "cli",
        "dagster_webserver.cli": "cli",
        "dagster._daemon.cli": "create_dagster_daemon_cli",
    }
    found = getattr(module, candidates[module.__name__])
    return found if isinstance(found, click.Command) else found()


def test_every_process_of_the_hub_is_started_in_each_way() -> None:
    ways = {"systemd": "systemd/", "compose": "compose.yaml", "ecs": "ecs/"}
    programs = {
        way: {each.words[0] for each in started() if each.place.startswith((prefix, "Dockerfile"))}
        for way, prefix in ways.items()
    }

    for way, found in programs.items():
        assert {"dagster", "dagster-daemon", "dagster-webserver"} <= found, way
    for way in ("systemd/", "ecs/"):
        told = {each.words[:2] for each in started() if each.place.startswith(way)}
        assert {("datahub", "gc"), ("datahub", "doctor")} <= told


# ── What is named ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_variable_is_a_setting_or_has_another_reader(path: Path) -> None:
    assert variables_of(path) <= set(known_variables()) | OUTSIDE


def test_the_example_names_every_setting_and_can_be_read() -> None:
    shown = example_environment(with_defaults=True)

    assert known_variables().keys() <= shown.keys()
    settings = Settings.from_environment(example_environment())
    assert str(settings.root) == "s3://acme-datahub-prod/prod"


def test_what_the_example_shows_as_default_is_the_default() -> None:
    shown = example_environment(with_defaults=True)
    set_there = example_environment()
    commented = {name: value for name, value in shown.items() if name not in set_there}

    assert commented
    assert Settings.from_environment(commented) == Settings.from_environment({})


def test_each_variable_of_dagster_that_a_file_asks_for_stands_in_the_example() -> None:
    asked = {
        name for path in (DEPLOY / "dagster.yaml", DEPLOY / "workspace.yaml") for name in variables_of(path)
    }
    asked = {name for name in asked if name.startswith("DAGSTER_")}

    assert asked <= example_environment().keys()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_has_a_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "AKIA" not in text
    assert "AWS_SECRET_ACCESS_KEY" not in text
    assert example_environment()["DAGSTER_PG_PASSWORD"] == ""
    for line in text.splitlines():
        if "PASSWORD" in line and "=" in line and path.suffix == ".example":
            assert line.endswith("="), line


# ── Who reads it ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [REPO / "dagster_cloud.yaml", DEPLOY / "dagster_cloud.teams.yaml"], ids=str)
def test_dagster_plus_can_read_its_file(path: Path) -> None:
    config = load_dagster_cloud_yaml(path.read_text(encoding="utf-8"))

    assert {each.code_source.module_name for each in config.locations if each.code_source} == {
        "datahub_dagster.definitions"
    }


def test_dagster_plus_would_refuse_a_typo() -> None:
    text = (REPO / "dagster_cloud.yaml").read_text(encoding="utf-8")

    with pytest.raises(ValueError, match="modul_name"):
        load_dagster_cloud_yaml(text.replace("module_name", "modul_name"))


def test_the_examples_with_teams_show_every_team_once_and_under_the_same_names() -> None:
    plus = load_dagster_cloud_yaml((DEPLOY / "dagster_cloud.teams.yaml").read_text(encoding="utf-8"))
    by_location = {
        each.location_name: (each.container_context or {})["ecs"]["env_vars"][0] for each in plus.locations
    }
    teams = sorted(
        team for said in by_location.values() for team in said.removeprefix("DATAHUB_TEAMS=").split(",")
    )
    text = (DEPLOY / "workspace.teams.yaml").read_text(encoding="utf-8")
    servers = [each["grpc_server"] for each in yaml.safe_load(text)["load_from"]]

    assert teams == teams_of_the_project()
    assert {each["location_name"] for each in servers} == by_location.keys()
    assert len({each["port"] for each in servers}) == len(servers)
    for said in by_location.values():
        assert f"# {said}" in text


def teams_of_the_project() -> list[str]:
    """Every team that the YAML of the dbt project names."""
    files = (REPO / "dbt_project/models").rglob("*.yml")
    return sorted(
        {
            team
            for path in files
            for team in re.findall(r"^ +team: (\S+)", path.read_text("utf-8"), re.MULTILINE)
        }
    )


@pytest.mark.parametrize("path", TASKS, ids=name_of)
def test_ecs_can_read_a_task_definition(path: Path) -> None:
    definition = task(path)
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None

    botocore.validate.validate_parameters(definition, shape)
    assert set(definition) <= set(shape.members)
    (container,) = definition["containerDefinitions"]
    assert not {each["name"] for each in container["environment"]} & {
        "DAGSTER_PG_PASSWORD",
        "DAGSTER_PG_USER",
    }
    for secret in container.get("secrets", ()):
        assert secret["valueFrom"].startswith("arn:aws:secretsmanager:")
    named = {each["name"]: each["value"] for each in container["environment"]}
    Settings.from_environment(named)


def test_compose_has_what_its_parts_refer_to() -> None:
    parts = compose()
    services = parts["services"]

    assert services.keys() == {"postgres", "code", "webserver", "daemon"}
    for name, service in services.items():
        assert "healthcheck" in service or "build" in service, f"{name}: nobody would see that it is ill"
        assert service["restart"] == "unless-stopped"
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert other in services
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "open to the network"
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in parts["volumes"]
        for file in service.get("env_file", ()):
            assert (DEPLOY / f"{file}.example").is_file()
    image = (services["code"]["build"]["context"], services["code"]["build"]["dockerfile"])
    assert (DEPLOY / image[0] / image[1]).resolve() == DEPLOY / "Dockerfile"


def test_what_the_image_copies_is_there_and_is_not_ignored() -> None:
    allowed = [
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]

    assert copied
    for path in copied:
        assert (REPO / path).exists()
        assert path.removeprefix("./") in allowed
    assert "USER 10001:10001" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)


# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they are installed, with the programs where they are here."""
    folder = tmp_path / "system"
    shutil.copytree(DEPLOY / "systemd", folder)
    for path in folder.glob("*.service"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(PROGRAMS, f"{Path(sys.executable).parent}/"), encoding="utf-8")
    return folder


def analyze(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here (Debian: sudo apt-get install systemd)")
    environment = {"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["systemd-analyze", *words], env=environment, capture_output=True, text=True, check=False
    )


INSTALLED = [
    path.name.replace("@.", "@datahub.") for path in [*UNITS, *sorted((DEPLOY / "systemd").glob("*.timer"))]
]


@pytest.mark.parametrize("unit", INSTALLED)
def test_systemd_can_read_a_unit(unit: str, units: Path) -> None:
    end = analyze(units, "verify", "--man=no", unit)

    assert (end.returncode, end.stderr) == (0, "")


@pytest.mark.parametrize("unit", [name for name in INSTALLED if name.endswith(".service")])
def test_a_unit_may_do_little_else_than_its_work(unit: str, units: Path) -> None:
    end = analyze(units, "security", "--no-pager", "--offline=yes", "--threshold=25", unit)

    assert end.returncode == 0, end.stdout.splitlines()[-1:]


@pytest.mark.parametrize("unit", UNITS, ids=name_of)
def test_a_service_comes_back_and_a_task_has_its_timer(unit: Path) -> None:
    if directives(unit, "Type") == ["oneshot"]:
        timer = unit.with_suffix(".timer")
        assert directives(timer, "WantedBy") == ["timers.target"]
        assert directives(timer, "OnCalendar")
    else:
        assert directives(unit, "Restart") == ["always"]
        assert directives(unit, "WantedBy") == ["multi-user.target"]
