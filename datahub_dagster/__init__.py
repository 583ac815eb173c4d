"""A data hub from dbt sources: released, audited, documented datasets as Dagster assets.

`open()` gives a reader of the published data. Importing this package imports neither Dagster nor dbt.
"""

__version__ = "0.1.0"
