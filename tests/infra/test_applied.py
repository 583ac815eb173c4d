"""The example environment, applied on the emulator, with its policies enforced: what each role may and may not do.

What the emulator can't show, and what stands in for it here:

- `s3:if-none-match` and `s3:ObjectCreationOperation` in a policy are not evaluated: the text of the policy is looked at.
- Athena checks a query's start against the workgroup, but not the tables and files that it reads; and asks about a running query have
  no workgroup, so that they are allowed to nobody: what Athena does for a role is tried call by call.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.aws.examine import examine
from datahub_dagster.domain.contract import Retention
from datahub_dagster.domain.finding import Level
from datahub_dagster.domain.gc import RemovalKind
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.errors import StorageError
from datahub_dagster.settings import S3Root, Settings
from tests.builders import NOW, contract
from tests.emulator.launch import start_emulator
from tests.hubs import as_parquet, ids_published, orders
from tests.infra.environment import POLICIES, REGION, Environment, as_list, refused, upload_in_parts
from tests.infra.permissions import told_actions
from tests.infra.terraform import Terraform

pytestmark = [pytest.mark.aws, pytest.mark.slow]

NOBODY_ELSE = ["team-markets", "team-weather", "hub", "reader"]
RELEASED = "releases/equities/daily_prices/2026-11-20.7/"


@pytest.fixture(scope="module")
def applied(terraform_for: Callable[[str], Terraform]) -> Iterator[Environment]:
    """The example, applied to an empty account: takes a minute, as the provider waits for queues and lifecycle rules to settle."""
    initialised = terraform_for("examples/two-teams")
    account_id = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
    with start_emulator(auth=True) as emulator:
        given = {
            "AWS_ACCESS_KEY_ID": account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "TF_VAR_aws_endpoint": emulator.endpoint,
            "TF_VAR_organisation": "acme",
        }
        terraform = Terraform(initialised.folder, {**initialised.environment, **given})
        terraform.do("apply", "-auto-approve", "-input=false", "-parallelism=40")
        with closing(
            Environment(terraform, emulator.endpoint, account_id, terraform.outputs())
        ) as environment:
            yield environment


@pytest.fixture(scope="module")
def changed(applied: Environment) -> tuple[Environment, str]:
    """The environment with everything that can be chosen (a KMS key, public pages, a secret), and the key."""
    key = applied.client("root", "kms").create_key()["KeyMetadata"]["Arn"]
    secret = f"arn:aws:secretsmanager:{REGION}:{applied.account_id}:secret:hub/webhook-Ab12Cd"
    choices = ("-var", f"kms_key_arn={key}", "-var", "docs_public=true", "-var", f'secret_arns=["{secret}"]')
    applied.terraform.do("apply", "-auto-approve", "-input=false", "-parallelism=40", *choices)
    return replace(applied, outputs=applied.terraform.outputs()), key


class TestTheEnvironment:
    def test_a_second_plan_changes_nothing(self, applied: Environment) -> None:
        assert applied.terraform.run("plan", "-detailed-exitcode", "-input=false").returncode == 0

    def test_the_hub_takes_its_settings_from_the_environment_file(self, applied: Environment) -> None:
        lines = applied.terraform.do("output", "-raw", "env_file").splitlines()

        settings = Settings.from_environment(dict(line.split("=", 1) for line in lines))

        assert settings.root == S3Root("acme-datahub-prod", "prod")
        assert settings.glue_prefix == "prod_"
        assert settings.glue_prefix + settings.athena_candidates == "prod_hub_candidates"
        assert settings.athena_staging_dir == S3Root("acme-datahub-prod", "prod/athena/hub")
        assert settings.docs_root == S3Root("acme-datahub-prod-docs")
        assert not settings.docs_public

    def test_the_state_holds_no_secret(self, applied: Environment) -> None:
        state = json.loads(applied.terraform.do("state", "pull"))

        held = [
            name
            for each in state["resources"]
            for one in each["instances"]
            for name in one["sensitive_attributes"]
        ]
        assert held == []
        assert not any(output.get("sensitive") for output in state["outputs"].values())

    def test_data_is_encrypted_versioned_and_closed_to_the_public(self, applied: Environment) -> None:
        s3 = applied.client("root", "s3")
        stored = s3.put_object(Bucket=applied.bucket, Key="prod/probe/one", Body=b"")

        assert stored["VersionId"]
        assert stored["ServerSideEncryption"] == "AES256"
        for bucket in (applied.bucket, applied.docs_bucket):
            closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
            assert set(closed.values()) == {True}
            rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
            assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]

    def test_what_is_left_behind_goes_by_itself(self, applied: Environment) -> None:
        rules = applied.client("root", "s3").get_bucket_lifecycle_configuration(Bucket=applied.bucket)[
            "Rules"
        ]
        by_id = {rule["ID"]: rule for rule in rules}

        assert by_id["athena-results"]["Filter"]["Prefix"] == "prod/athena/"
        assert by_id["athena-results"]["Expiration"]["Days"] == 7
        everything = by_id["what-was-overwritten-or-deleted"]
        assert everything["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
        assert everything["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2

    @pytest.mark.parametrize("role", [*NOBODY_ELSE, "retention"])
    def test_nobody_comes_without_tls(self, applied: Environment, role: str) -> None:
        key = applied.there_is("log/equities/daily_prices/generations/00000001.json")
        s3 = applied.client(role, "s3", scheme="http")

        assert refused(s3.get_object, Bucket=applied.bucket, Key=key)
        assert refused(
            s3.put_object, Bucket=applied.bucket, Key="prod/inbox/equities/daily_prices/a/_SUCCESS"
        )

    def test_a_query_that_reads_too_much_is_stopped(self, applied: Environment) -> None:
        athena = applied.client("root", "athena")

        for workgroup in (applied.settings["DATAHUB_ATHENA_WORKGROUP"], applied.outputs["reader_workgroup"]):
            configuration = athena.get_work_group(WorkGroup=workgroup)["WorkGroup"]["Configuration"]
            assert configuration["BytesScannedCutoffPerQuery"] == 100 * 1024**3
            assert configuration["EnforceWorkGroupConfiguration"]
            assert configuration["PublishCloudWatchMetricsEnabled"]
            assert configuration["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"


class TestATeam:
    def test_it_delivers_to_its_inbox(self, applied: Environment) -> None:
        s3 = applied.client("team-markets", "s3")
        folder = "prod/inbox/equities/daily_prices/2026-11-20"

        s3.put_object(Bucket=applied.bucket, Key=f"{folder}/small.parquet", Body=b"PAR1")
        upload_in_parts(s3, applied.bucket, f"{folder}/large.parquet", b"PAR1")
        s3.put_object(Bucket=applied.bucket, Key=f"{folder}/_SUCCESS", Body=b"")

        listed = s3.list_objects_v2(Bucket=applied.bucket, Prefix=f"{folder}/")["Contents"]
        assert [each["Key"].rpartition("/")[2] for each in listed] == [
            "_SUCCESS",
            "large.parquet",
            "small.parquet",
        ]

    @pytest.mark.parametrize(
        "path",
        [
            "inbox/weather/daily_observations/2026-11-20/part-0.parquet",
            "inbox/equities_of_others/prices/2026-11-20/part-0.parquet",
            "inbox/part-0.parquet",
            f"{RELEASED}part-0.parquet",
            "log/equities/daily_prices/receipts/00000008.json",
            "athena/hub/result.csv",
        ],
    )
    def test_it_writes_nowhere_else(self, applied: Environment, path: str) -> None:
        s3 = applied.client("team-markets", "s3")

        assert refused(s3.put_object, Bucket=applied.bucket, Key=f"prod/{path}", Body=b"PAR1")
        assert refused(s3.create_multipart_upload, Bucket=applied.bucket, Key=f"prod/{path}")

    @pytest.mark.parametrize(
        "path",
        [
            "inbox/equities/daily_prices/2026-11-20/part-0.parquet",
            "inbox/weather/daily_observations/2026-11-20/part-0.parquet",
            f"{RELEASED}part-0.parquet",
            f"{RELEASED}_audit.3.0f.json",
            "log/equities/daily_prices/generations/00000001.json",
        ],
    )
    def test_it_reads_and_deletes_nothing_not_even_its_own(self, applied: Environment, path: str) -> None:
        key = applied.there_is(path)
        s3 = applied.client("team-markets", "s3")

        assert refused(s3.get_object, Bucket=applied.bucket, Key=key)
        assert refused(s3.head_object, Bucket=applied.bucket, Key=key)
        assert refused(s3.delete_object, Bucket=applied.bucket, Key=key)

    @pytest.mark.parametrize(
        "prefix", ["", "prod/", "prod/inbox/", "prod/inbox/weather/", "prod/releases/equities/"]
    )
    def test_it_lists_nothing_else(self, applied: Environment, prefix: str) -> None:
        assert refused(
            applied.client("team-markets", "s3").list_objects_v2, Bucket=applied.bucket, Prefix=prefix
        )

    def test_it_has_nothing_of_glue_athena_or_the_queue(self, applied: Environment) -> None:
        workgroup, queue = (
            applied.settings["DATAHUB_ATHENA_WORKGROUP"],
            applied.settings["DATAHUB_INBOX_QUEUE"],
        )

        assert refused(applied.client("team-markets", "glue").get_tables, DatabaseName="prod_equities")
        athena = applied.client("team-markets", "athena")
        assert refused(athena.start_query_execution, QueryString="select 1", WorkGroup=workgroup)
        assert refused(applied.client("team-markets", "sqs").receive_message, QueueUrl=queue)


class TestTheHub:
    def test_it_hears_of_a_delivery(self, applied: Environment) -> None:
        sqs, queue = applied.client("hub", "sqs"), applied.settings["DATAHUB_INBOX_QUEUE"]
        marker = "prod/inbox/weather/daily_observations/2026-11-21/_SUCCESS"
        applied.client("team-weather", "s3").put_object(Bucket=applied.bucket, Key=marker, Body=b"")

        told: list[str] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                told += [
                    each["s3"]["object"]["key"] for each in json.loads(message["Body"]).get("Records", [])
                ]
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

        assert marker in told
        assert all(key.startswith("prod/inbox/") for key in told)

    def test_it_writes_all_that_a_release_needs(self, applied: Environment) -> None:
        s3 = applied.client("hub", "s3")
        source = applied.there_is("inbox/equities/daily_prices/2026-11-19/part-0.parquet", b"PAR1")
        folder, here = "prod/releases/equities/daily_prices/2026-11-20.6", {"Bucket": applied.bucket}

        assert s3.list_objects_v2(**here, Prefix="prod/inbox/equities/")["KeyCount"] > 0
        assert s3.get_object(**here, Key=source)["Body"].read() == b"PAR1"
        s3.copy_object(
            **here, Key=f"{folder}/copied.parquet", CopySource={**here, "Key": source}, IfNoneMatch="*"
        )
        upload_in_parts(s3, applied.bucket, f"{folder}/large.parquet", b"PAR1", IfNoneMatch="*")
        for written_once in (
            f"{folder}/_files.json",
            f"{folder}/_audit.1.0f.json",
            f"{folder}/_record.json",
            "prod/log/equities/daily_prices/receipts/00000006.json",
            "prod/log/equities/daily_prices/generations/00000006.json",
            "prod/log/equities/daily_prices/checks/2026-11-20T08-00-00.000000Z.json",
            "prod/log/equities/daily_prices/promises/2026-11-20T08-00-00.000000Z.json",
            "prod/log/equities/daily_prices/contracts/2026-11-20T08-00-00.000000Z.json",
        ):
            s3.put_object(**here, Key=written_once, Body=b"{}", IfNoneMatch="*")
        notes = ("pins/2026-11-20.6", "listings/2026-11-20", "claims/use.2026")
        for replaced in (
            *(f"log/equities/daily_prices/{note}" for note in notes),
            "alerts/open/0f",
            "monitor/heartbeat",
        ):
            key = f"prod/{replaced}.json"
            s3.put_object(**here, Key=key, Body=b"{}")
            s3.delete_object(**here, Key=key)

    def test_it_keeps_the_catalog(self, applied: Environment) -> None:
        glue = applied.client("hub", "glue")
        table = {"Name": "daily_prices", "PartitionKeys": [{"Name": "trade_date", "Type": "date"}]}
        partition = {
            "Values": ["2026-11-20"],
            "StorageDescriptor": {"Columns": [], "Location": "s3://acme/a/"},
        }

        for database in ("prod_equities", "prod_hub_candidates", "prod_hub_smoke"):
            this = {"DatabaseName": database, "TableName": "daily_prices"}
            glue.create_table(DatabaseName=database, TableInput=table)
            glue.update_table(DatabaseName=database, TableInput={**table, "Description": "Closing prices"})
            glue.batch_create_partition(**this, PartitionInputList=[partition])
            entry = {"PartitionValueList": ["2026-11-20"], "PartitionInput": partition}
            glue.batch_update_partition(**this, Entries=[entry])
            assert len(glue.get_partitions(**this)["Partitions"]) == 1
            glue.batch_delete_partition(**this, PartitionsToDelete=[{"Values": ["2026-11-20"]}])
            assert [each["Name"] for each in glue.get_tables(DatabaseName=database)["TableList"]] == [
                "daily_prices"
            ]
            glue.delete_table(DatabaseName=database, Name="daily_prices")

    def test_it_touches_no_other_database(self, applied: Environment) -> None:
        applied.client("root", "glue").create_database(DatabaseInput={"Name": "somebody_elses"})
        glue = applied.client("hub", "glue")

        assert refused(glue.create_table, DatabaseName="somebody_elses", TableInput={"Name": "mine_now"})

    def test_it_queries_in_its_workgroup_only(self, applied: Environment) -> None:
        athena = applied.client("hub", "athena")

        athena.start_query_execution(
            QueryString="select 1", WorkGroup=applied.settings["DATAHUB_ATHENA_WORKGROUP"]
        )
        assert refused(
            athena.start_query_execution,
            QueryString="select 1",
            WorkGroup=applied.outputs["reader_workgroup"],
        )

    def test_it_puts_and_removes_pages(self, applied: Environment) -> None:
        s3, here = applied.client("hub", "s3"), {"Bucket": applied.docs_bucket, "Key": "old.html"}

        s3.put_object(**here, Body=b"<p>", ContentType="text/html", CacheControl="no-cache")
        s3.delete_object(**here)

    def test_it_removes_the_dataset_of_its_smoke_run(self, applied: Environment) -> None:
        s3 = applied.client("hub", "s3")

        for path in (
            "inbox/hub_smoke/probe/1/part-0.parquet",
            "releases/hub_smoke/probe/2026-11-20.1/part-0.parquet",
            "log/hub_smoke/probe/generations/00000001.json",
            "probe/1",
        ):
            s3.delete_object(Bucket=applied.bucket, Key=applied.there_is(path))


class TestWhatWasReleased:
    @pytest.mark.parametrize("role", NOBODY_ELSE)
    @pytest.mark.parametrize("file", ["part-0.parquet", "_files.json", "_record.json", "_audit.1.0f.json"])
    def test_nobody_but_retention_deletes_it(self, applied: Environment, role: str, file: str) -> None:
        key = applied.there_is(RELEASED + file)
        s3 = applied.client(role, "s3")

        assert refused(s3.delete_object, Bucket=applied.bucket, Key=key)
        version = applied.client("root", "s3").head_object(Bucket=applied.bucket, Key=key)["VersionId"]
        assert refused(s3.delete_object, Bucket=applied.bucket, Key=key, VersionId=version)

    def test_somebody_with_all_permissions_does_not_delete_it_either(self, applied: Environment) -> None:
        """The bucket's policy holds against the administrator's role, which may do anything by its own policy."""
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        trust = {"Effect": "Allow", "Principal": {"AWS": applied.account_id}, "Action": "sts:AssumeRole"}
        iam = applied.client("root", "iam")
        role = iam.create_role(
            RoleName="admin",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=json.dumps(everything))
        applied.outputs["roles"]["admin"] = role["Role"]["Arn"]
        s3 = applied.client("admin", "s3")
        pin = applied.there_is("log/equities/daily_prices/pins/2026-11-20.7.json")

        for path in (f"{RELEASED}part-0.parquet", "log/equities/daily_prices/generations/00000001.json"):
            assert refused(s3.delete_object, Bucket=applied.bucket, Key=applied.there_is(path))
        s3.delete_object(Bucket=applied.bucket, Key=pin)

    def test_retention_deletes_it_and_it_can_be_brought_back(self, applied: Environment) -> None:
        key = applied.there_is(RELEASED + "part-1.parquet", b"PAR1")
        s3, root = applied.client("retention", "s3"), applied.client("root", "s3")

        s3.delete_object(Bucket=applied.bucket, Key=key)

        (version,) = root.list_object_versions(Bucket=applied.bucket, Prefix=key)["Versions"]
        old = {"Bucket": applied.bucket, "Key": key, "VersionId": version["VersionId"]}
        assert refused(s3.delete_object, **old)
        assert root.get_object(**old)["Body"].read() == b"PAR1"

    def test_retention_does_what_gc_does_and_no_more(self, applied: Environment) -> None:
        s3, here = applied.client("retention", "s3"), {"Bucket": applied.bucket}
        claim = "prod/log/equities/daily_prices/claims/remove.2026.json"
        generation = applied.there_is("log/equities/daily_prices/generations/00000001.json")
        data = applied.there_is(RELEASED + "part-0.parquet")

        s3.put_object(**here, Key=claim, Body=b"[]", IfNoneMatch="*")
        s3.get_object(**here, Key=generation)
        s3.get_object(**here, Key=applied.there_is(RELEASED + "_files.json"))
        s3.delete_object(**here, Key=applied.there_is("inbox/equities/daily_prices/2026-11-18/_SUCCESS"))
        s3.delete_object(**here, Key=claim)
        applied.client("retention", "glue").get_tables(DatabaseName="prod_equities")

        assert refused(s3.delete_object, **here, Key=generation)
        assert refused(s3.get_object, **here, Key=data)
        assert refused(s3.put_object, **here, Key=data, Body=b"")
        assert refused(
            applied.client("retention", "glue").delete_table,
            DatabaseName="prod_equities",
            Name="daily_prices",
        )

    def test_what_is_written_once_must_be_written_with_a_condition(self, applied: Environment) -> None:
        policy = applied.client("root", "s3").get_bucket_policy(Bucket=applied.bucket)["Policy"]
        (no_overwrite,) = [each for each in json.loads(policy)["Statement"] if each["Sid"] == "NoOverwrite"]
        protected = [arn.partition(f"{applied.bucket}/prod/")[2] for arn in no_overwrite["Resource"]]

        def is_protected(path: str) -> bool:
            return any(fnmatchcase(path, pattern) for pattern in protected)

        assert no_overwrite["Effect"] == "Deny"
        assert no_overwrite["Principal"] == "*"
        assert no_overwrite["Action"] == "s3:PutObject"
        assert no_overwrite["Condition"] == {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        }
        log = "log/equities/daily_prices/"
        written_once = [
            "receipts/00000001.json",
            "generations/00000001.json",
            "checks/2026-11-20.json",
            "promises/2026-11-20.json",
            "contracts/2026-11-20.json",
        ]
        replaced = ["pins/2026-11-20.7.json", "listings/2026-11-20.json", "claims/use.json"]
        assert all(
            is_protected(path)
            for path in [RELEASED + "part-0.parquet", *(log + each for each in written_once)]
        )
        assert not any(
            is_protected(path)
            for path in ["inbox/equities/a/b", "alerts/open/0f.json", *(log + each for each in replaced)]
        )
        # A table called `pins` has generations too.
        assert is_protected("log/equities/pins/generations/00000001.json")


class TestAReader:
    def test_it_reads_what_is_published(self, applied: Environment) -> None:
        s3, here = applied.client("reader", "s3"), {"Bucket": applied.bucket}
        folder = "prod/log/equities/daily_prices/generations/"
        for path in ("part-0.parquet", "_files.json"):
            s3.get_object(**here, Key=applied.there_is(RELEASED + path))
        applied.there_is("log/equities/daily_prices/generations/00000001.json")

        assert s3.list_objects_v2(**here, Prefix="prod/log/", Delimiter="/")["CommonPrefixes"]
        (first, *_) = s3.list_objects_v2(**here, Prefix=folder)["Contents"]
        s3.get_object(**here, Key=first["Key"])
        applied.client("reader", "glue").get_tables(DatabaseName="prod_equities")
        athena = applied.client("reader", "athena")
        athena.start_query_execution(QueryString="select 1", WorkGroup=applied.outputs["reader_workgroup"])
        page = {"Bucket": applied.docs_bucket, "Key": "index.html"}
        applied.client("hub", "s3").put_object(**page, Body=b"<p>")
        s3.get_object(**page)

    @pytest.mark.parametrize(
        "path",
        [
            "inbox/equities/daily_prices/2026-11-20/part-0.parquet",
            f"{RELEASED}_audit.1.0f.json",
            f"{RELEASED}_record.json",
            "log/equities/daily_prices/receipts/00000001.json",
            "athena/hub/failing-rows.csv",
            "outbox/1.json",
            "alerts/open/0f.json",
        ],
    )
    def test_it_does_not_read_what_is_not(self, applied: Environment, path: str) -> None:
        assert refused(
            applied.client("reader", "s3").get_object, Bucket=applied.bucket, Key=applied.there_is(path)
        )

    @pytest.mark.parametrize(
        "prefix", ["", "prod/", "prod/inbox/", "prod/inbox/equities/", "prod/athena/hub/"]
    )
    def test_it_lists_neither_inbox_nor_audits(self, applied: Environment, prefix: str) -> None:
        assert refused(applied.client("reader", "s3").list_objects_v2, Bucket=applied.bucket, Prefix=prefix)

    def test_it_sees_no_candidate(self, applied: Environment) -> None:
        glue, athena = applied.client("reader", "glue"), applied.client("reader", "athena")
        candidate = {"DatabaseName": "prod_hub_candidates", "Name": "equities__daily_prices"}

        assert refused(glue.get_tables, DatabaseName=candidate["DatabaseName"])
        assert refused(glue.get_table, **candidate)
        assert refused(
            athena.start_query_execution,
            QueryString="select 1",
            WorkGroup=applied.settings["DATAHUB_ATHENA_WORKGROUP"],
        )

    @pytest.mark.parametrize(
        "path", ["inbox/equities/daily_prices/1/a", f"{RELEASED}part-9.parquet", "log/equities/a/pins/1.json"]
    )
    def test_it_writes_nothing(self, applied: Environment, path: str) -> None:
        s3 = applied.client("reader", "s3")

        assert refused(s3.put_object, Bucket=applied.bucket, Key=f"prod/{path}", Body=b"", IfNoneMatch="*")
        table = {"Name": "mine"}
        assert refused(
            applied.client("reader", "glue").create_table, DatabaseName="prod_equities", TableInput=table
        )


class TestADeliverysWay:
    """The package itself, with the credentials of each role: what a release, a reader and gc really ask for."""

    @pytest.fixture(autouse=True)
    def endpoint(self, applied: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", applied.endpoint)

    def test_a_team_delivers_the_hub_releases_a_reader_reads_and_retention_removes(
        self, applied: Environment
    ) -> None:
        dataset = contract("indices.closes", retention=Retention(releases=1, days=1))
        long_ago = NOW + timedelta(days=3650)

        def delivered(name: str, *ids: int) -> None:
            folder = f"prod/inbox/indices/closes/{name}"
            team, here = applied.client("team-markets", "s3"), {"Bucket": applied.bucket}
            team.put_object(**here, Key=f"{folder}/part-0.parquet", Body=as_parquet(orders(ids)))
            team.put_object(**here, Key=f"{folder}/_SUCCESS", Body=b"")

        for day, name in enumerate(["first", "second"]):
            hub = applied.hub("hub", dataset, now=long_ago + timedelta(days=day))
            delivered(name, day, day + 1)
            assert pipeline.release(hub, dataset, name, actor="test").kind is OutcomeKind.PUBLISHED
        for generation in (1, 2):
            pipeline.rollback(hub, dataset, generation, reason="a test", actor="test")
        assert pipeline.reconcile(hub, dataset) == []

        reader = applied.hub("reader", dataset, now=NOW)
        first, second = (each.release_id for each in hub.log.receipts(dataset.name))
        assert ids_published(reader, dataset, lambda: applied.duckdb("reader")) == [1, 2]

        later = long_ago + timedelta(days=9)
        with pytest.raises(StorageError, match="DeleteObject"):
            pipeline.collect(applied.hub("hub", dataset, now=later), dataset, dry_run=False)
        assert hub.log.file_list(dataset.name, first) is not None
        removed = pipeline.collect(applied.hub("retention", dataset, now=later), dataset, dry_run=False)
        assert [each.release_id for each in removed if each.kind is RemovalKind.RELEASE] == [first]
        assert hub.log.file_list(dataset.name, second) is not None

    def test_the_doctor_finds_nothing_to_mend(self, applied: Environment) -> None:
        settings = Settings.from_environment(applied.settings)
        assert isinstance(settings.root, S3Root)

        found = examine(
            applied.aws("hub"),
            settings,
            settings.root,
            applied.storage("hub"),
            [contract("equities.daily_prices", schema="equities")],
            lambda: datetime.now(UTC),
        )

        # Whether a query has ended is what no role may ask the emulator.
        assert {each.subject for each in found if each.level is not Level.FINE} <= {"athena query"}


class TestStrangers:
    def test_pages_are_not_public_unless_asked_for(self, applied: Environment) -> None:
        applied.client("hub", "s3").put_object(Bucket=applied.docs_bucket, Key="index.html", Body=b"<p>")

        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{applied.endpoint}/{applied.docs_bucket}/index.html", timeout=10)


class TestOtherChoices:
    """Last, as they change the environment."""

    def test_all_data_is_encrypted_with_the_key(self, changed: tuple[Environment, str]) -> None:
        environment, key = changed
        root = environment.client("root", "s3")

        stored = root.put_object(Bucket=environment.bucket, Key="prod/probe/two", Body=b"")

        assert stored["ServerSideEncryption"] == "aws:kms"
        assert stored["SSEKMSKeyId"] == key
        assert environment.settings["DATAHUB_KMS_KEY"] == key
        for role in POLICIES:
            (encrypt,) = [each for each in environment.statements(role) if each["Sid"] == "Encrypt"]
            assert encrypt["Resource"] == key

    @pytest.mark.parametrize("role", ["hub", "retention", "reader", "team"])
    def test_the_readme_tells_what_a_role_may_do(self, changed: tuple[Environment, str], role: str) -> None:
        environment, _ = changed
        policy = environment.statements("team-markets" if role == "team" else role)

        granted = {
            action for each in policy if each["Effect"] == "Allow" for action in as_list(each["Action"])
        }

        assert granted == set(told_actions(role))

    def test_everybody_reads_the_pages_and_nothing_else(self, changed: tuple[Environment, str]) -> None:
        environment, _ = changed
        here = {"Bucket": environment.docs_bucket, "Key": "index.html"}
        environment.client("hub", "s3").put_object(**here, Body=b"<p>", ContentType="text/html")
        environment.there_is("log/equities/daily_prices/generations/00000001.json")
        log = f"{environment.bucket}/prod/log/equities/daily_prices/generations/00000001.json"

        with urlopen(f"{environment.endpoint}/{environment.docs_bucket}/index.html", timeout=10) as page:
            assert page.read() == b"<p>"
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{environment.endpoint}/{log}", timeout=10)
        assert environment.settings["DATAHUB_DOCS_PUBLIC"] == "true"
        assert environment.settings["DATAHUB_DOCS_URL"].startswith("http://")
        assert environment.settings["DATAHUB_DOCS_URL"].endswith("/docs/")
