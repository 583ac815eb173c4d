"""Runs Terraform over a copy of `infra/`, where Terraform and its provider can be had."""

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import REPO

# A mirror is a folder of folders <registry>/<namespace>/<provider>. These are looked through where TF_CLI_CONFIG_FILE names none;
# Terraform itself looks for one below the home folder, which is another one in the tests.
_MIRRORS = ("/opt/*", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")
_PROVIDER = "*/hashicorp/aws"
_INIT_SECONDS = 60  # with a mirror it takes three; without a network Terraform tries for long


class LeftOutError(Exception):
    """Terraform or its provider can't be had here; says why."""


@dataclass(frozen=True)
class Terraform:
    """Terraform in one folder, which is initialised, with the variables that every call gets.

    Attributes:
        folder: A root module.
        environment: Laid over that of the test.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of Terraform, whatever it answers."""
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env={**_without_variables(), "CHECKPOINT_DISABLE": "1", **self.environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def do(self, *arguments: str, seconds: float = 300) -> str:
        """Run a command that has to succeed, and give what it printed."""
        ended = self.run(*arguments, seconds=seconds)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def outputs(self) -> dict[str, Any]:
        """The outputs of what was applied."""
        return {name: output["value"] for name, output in json.loads(self.do("output", "-json")).items()}


def terraform_in(folder: Path, root_module: str) -> Terraform:
    """Copy `infra/` to a folder and initialise one of its root modules there.

    Raises:
        LeftOutError: There is no Terraform, or no provider.
    """
    if shutil.which("terraform") is None:
        raise LeftOutError("there is no terraform on the PATH")
    shutil.copytree(
        REPO / "infra", folder / "infra", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
    )
    terraform = Terraform(folder / "infra" / root_module, _environment(folder))
    try:
        ended = terraform.run("init", "-input=false", "-backend=false", "-no-color", seconds=_INIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise LeftOutError(f"terraform init took more than {_INIT_SECONDS} s") from None
    if ended.returncode != 0:
        raise LeftOutError(f"terraform init: {ended.stderr.strip()}")
    return terraform


def _without_variables() -> dict[str, str]:
    """The environment without the developer's own variables and options of Terraform."""
    where = ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR")
    return {name: text for name, text in os.environ.items() if not name.startswith("TF_") or name in where}


def _environment(folder: Path) -> dict[str, str]:
    """Where to take the provider from: the mirror that was found, if nobody named another one."""
    mirror = _mirror()
    if Path(os.environ.get("TF_CLI_CONFIG_FILE", "")).is_file() or mirror is None:
        return {}
    config = folder / "terraform.rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return {"TF_CLI_CONFIG_FILE": str(config)}


def _mirror() -> Path | None:
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    places = [home / ".terraform.d/plugins"]
    places += [place for pattern in _MIRRORS for place in sorted(Path("/").glob(pattern.removeprefix("/")))]
    return next((place for place in places if any(place.glob(_PROVIDER))), None)
