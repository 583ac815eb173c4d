"""The Terraform modules as text: format, syntax, and what they refuse."""

import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import REPO
from tests.infra.terraform import Terraform

pytestmark = pytest.mark.slow  # Terraform starts its provider, which takes seconds

ROOT_MODULES = ["modules/hub", "modules/team", "examples/two-teams"]


def test_the_files_are_formatted(terraform_for: Callable[[str], Terraform]) -> None:
    terraform = terraform_for("examples/two-teams")

    assert terraform.run("fmt", "-check", "-recursive", str(REPO / "infra")).stdout == ""


@pytest.mark.parametrize("module", ROOT_MODULES)
def test_a_module_is_valid(terraform_for: Callable[[str], Terraform], module: str) -> None:
    terraform_for(module).do("validate")


def test_names_that_aws_would_refuse_late_are_refused_early(
    terraform_for: Callable[[str], Terraform],
) -> None:
    terraform = terraform_for("modules/hub")
    (terraform.folder / "provider.tf").write_text('provider "aws" {\n  region = "eu-west-1"\n}\n')
    (terraform.folder / "bad.auto.tfvars").write_text(
        'name = "Datahub"\n'
        'bucket = "acme"\n'
        'docs_bucket = "acme-docs"\n'
        'prefix = "/prod/"\n'
        'glue_prefix = "prod"\n'
        'sources = ["card settlements", "hub_smoke"]\n'
        'trust = { hub = ["*"], retention = [], reader = ["123456789012"] }\n'
    )

    ended: subprocess.CompletedProcess[str] = terraform.run("plan", "-input=false", "-no-color")

    assert ended.returncode == 1
    said = " ".join(ended.stderr.replace("│", " ").split())
    assert "2 to 32 lower-case letters" in said
    assert "without '/' at its ends" in said
    assert "with '_' at its end: prod_" in said
    assert "A source is named by letters, digits, '_', '-' and '.' only" in said
    assert "hub_candidates and hub_smoke are the hub's own" in said
    assert "Name somebody for each role, and not everybody" in said
