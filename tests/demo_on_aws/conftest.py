"""The demo needs PostgreSQL's programs, as the tests of the deployment do."""

from tests.deploy.conftest import postgres_programs as postgres_programs
