# What Athena reads: a Glue database for each source, one for candidates, and two workgroups, so that readers don't see the
# results of the hub's audits.

locals {
  candidates = "${var.glue_prefix}hub_candidates"

  # As the hub names them: Glue has small letters only, and Athena would ask for quotes around '-' and '.'.
  databases = toset([for source in setunion(var.sources, ["hub_smoke"]) : replace(lower(source), "/[.-]/", "_")])

  workgroups = {
    hub    = var.name
    reader = "${var.name}-readers"
  }
}

resource "aws_glue_catalog_database" "source" {
  for_each = local.databases

  name        = "${var.glue_prefix}${each.value}"
  description = "Datasets of the source ${each.value}. Tables are made by the hub; a change by hand is undone."
}

resource "aws_glue_catalog_database" "candidates" {
  name        = local.candidates
  description = "Releases under audit. Not for readers."
}

resource "aws_athena_workgroup" "this" {
  for_each = local.workgroups

  name          = each.value
  force_destroy = var.force_destroy

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.bytes_scanned_cutoff_per_query

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${aws_s3_bucket.data.id}/${var.prefix}/athena/${each.key}/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}
