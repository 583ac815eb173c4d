"""The thin glue to Dagster, one module for each kind of definition; nothing below this folder knows Dagster."""
