"""awswrangler: `s3.copy_objects` and the functions of its catalog, with its own threads. Runs in an environment of its own."""

import awswrangler as wr  # pyright: ignore[reportMissingImports]  see awswrangler.txt

from benchmarks.on_aws.job import COLUMNS, DATABASE, Job, run


def _copy_and_register(job: Job) -> None:
    name = job.table.rpartition(".")[2]
    source, target = f"s3://{job.bucket}/{job.source}", f"s3://{job.bucket}/{job.target}"
    wr.s3.copy_objects(
        [source + path for path in job.files], source_path=source, target_path=target, use_threads=job.threads
    )
    wr.catalog.create_parquet_table(
        database=DATABASE,
        table=name,
        path=target,
        columns_types=COLUMNS,
        partitions_types={"day": "date"} if job.partitioned else None,
    )
    if job.partitioned:
        wr.catalog.add_parquet_partitions(
            database=DATABASE,
            table=name,
            partitions_values={f"{target}day={day}/": [day] for day in job.days},
            columns_types=COLUMNS,
        )


if __name__ == "__main__":
    run(_copy_and_register)
