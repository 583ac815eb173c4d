"""What a hub on AWS gives to a team's own assets: the example of the documentation, run on the emulator."""

import io
import json
import sys
import types
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster_aws.athena import AthenaClientResource

from datahub_dagster.defs.resources import HubResource, resources
from datahub_dagster.settings import S3Root, Settings
from tests.aws import AwsAccount
from tests.conftest import REPO
from tests.docs.pages import blocks

pytestmark = [pytest.mark.slow, pytest.mark.aws]

ASSET, DEFINITIONS = (block.text for block in blocks(REPO / "docs/how-to/run-with-dagster.md", "python"))


@pytest.fixture
def reports() -> Iterator[types.ModuleType]:
    """The example's first block, as the module that its second block imports."""
    module = types.ModuleType("reports")
    exec(compile(ASSET, "run-with-dagster.md", "exec"), module.__dict__)
    sys.modules["reports"] = module
    yield module
    del sys.modules["reports"]


def put_orders(account: AwsAccount) -> None:
    """A table of three orders in Glue, a place for Athena's results, a secret and a parameter."""
    file = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([1, 2, 3], pa.int64())}), file)
    account.client("s3").put_object(Bucket=account.bucket, Key="orders/part-0.parquet", Body=file.getvalue())
    glue = account.client("glue")
    glue.create_database(DatabaseInput={"Name": "payments"})
    parquet: dict[str, Any] = {
        "Columns": [{"Name": "id", "Type": "bigint"}],
        "Location": f"s3://{account.bucket}/orders/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }
    table = {"Name": "orders", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": parquet}
    glue.create_table(DatabaseName="payments", TableInput=table)
    results = {"OutputLocation": f"s3://{account.bucket}/athena/"}
    account.client("athena").create_work_group(
        Name="hub", Configuration={"ResultConfiguration": results, "EnforceWorkGroupConfiguration": True}
    )
    account.client("ssm").put_parameter(Name="/reports/bucket", Value=account.bucket, Type="String")
    account.client("secretsmanager").create_secret(Name="reports/token", SecretString="s3cret")


def hurried(athena: object) -> AthenaClientResource:
    """The same resource, which waits 30 seconds at most: a query that is stuck must not hold up the tests for half an hour."""
    assert isinstance(athena, AthenaClientResource)
    return AthenaClientResource(workgroup=athena.workgroup, polling_interval=1, max_polls=30)


def test_the_example_of_the_documentation_runs_with_the_hubs_resources(
    aws_account: AwsAccount, reports: types.ModuleType
) -> None:
    put_orders(aws_account)
    given = resources(Settings(root=S3Root.parse(aws_account.root), athena_workgroup="hub"))
    assert sorted(given) == ["athena", "hub", "s3", "secretsmanager", "ssm"]
    del given["hub"]  # the asset does not ask for it
    given["athena"] = hurried(given["athena"])
    result = dg.materialize([reports.orders_report], resources=given)
    assert result.success
    written = aws_account.client("s3").get_object(Bucket=aws_account.bucket, Key="orders.json")["Body"].read()
    assert json.loads(written) == {"orders": 3, "signed": True}
    queries = aws_account.client("athena").list_query_executions(WorkGroup="hub")["QueryExecutionIds"]
    assert len(queries) == 1, "the query ran in the hub's workgroup, and so below its cutoff"


def test_the_examples_definitions_hold_the_asset_and_the_hub(
    aws_account: AwsAccount, reports: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", aws_account.root)
    module = types.ModuleType("ours")
    exec(compile(DEFINITIONS, "run-with-dagster.md", "exec"), module.__dict__)
    merged = module.defs()
    keys = {key.to_user_string() for key in merged.resolve_asset_graph().get_all_asset_keys()}
    assert {"orders_report", "hub_docs"} <= keys
    assert len(keys) > 5, "the datasets of the hub are there"


def test_a_hub_on_one_machine_has_none_of_them() -> None:
    assert list(resources(Settings())) == ["hub"]


def test_the_hubs_settings_survive_the_way_through_dagsters_config() -> None:
    settings = Settings(
        root=S3Root("acme-datahub", "prod"),
        docs_root=S3Root("acme-docs"),
        docs_public=True,
        teams=("markets", "weather"),
        notify_webhook_secret="ssm:/datahub/webhook",
    ).resolved()
    assert HubResource.of(settings).settings == settings
