"""Terraform for the tests here. Where it can't be had they are left out, and the report says so in its warnings."""

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.infra.terraform import LeftOutError, Terraform, terraform_in


@pytest.fixture(scope="module")
def terraform_for(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Terraform]:
    """Terraform in a copy of one of the root modules of `infra/`."""

    @cache
    def initialised(root_module: str) -> Terraform:
        folder: Path = tmp_path_factory.mktemp("terraform")
        try:
            return terraform_in(folder, root_module)
        except LeftOutError as error:
            with warnings.catch_warnings():
                warnings.simplefilter("always")  # said, and no error
                request.node.warn(pytest.PytestWarning(f"Terraform is left out: {error}"))
            pytest.skip(f"Terraform is left out: {error}")

    return initialised
