"""`python -m datahub_dagster.cli` is `datahub`."""

from datahub_dagster.cli import main

if __name__ == "__main__":
    main()
