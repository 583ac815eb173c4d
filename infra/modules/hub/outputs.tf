output "settings" {
  description = "The hub's settings, by variable."
  value = { for variable, value in {
    AWS_REGION                      = local.region
    DATAHUB_ROOT                    = "s3://${aws_s3_bucket.data.id}/${var.prefix}"
    DATAHUB_ATHENA_WORKGROUP        = aws_athena_workgroup.this["hub"].name
    DATAHUB_ATHENA_READER_WORKGROUP = aws_athena_workgroup.this["reader"].name
    DATAHUB_ATHENA_STAGING_DIR      = "s3://${aws_s3_bucket.data.id}/${var.prefix}/athena/hub"
    DATAHUB_ATHENA_CANDIDATES       = trimprefix(aws_glue_catalog_database.candidates.name, var.glue_prefix)
    DATAHUB_GLUE_PREFIX             = var.glue_prefix
    DATAHUB_KMS_KEY                 = var.kms_key_arn
    DATAHUB_INBOX_QUEUE             = aws_sqs_queue.inbox.url
    DATAHUB_DOCS_ROOT               = "s3://${aws_s3_bucket.docs.id}"
    DATAHUB_DOCS_PUBLIC             = tostring(var.docs_public)
    DATAHUB_DOCS_URL                = one([for site in aws_s3_bucket_website_configuration.docs : "http://${site.website_endpoint}/docs/"]) # the pages are below docs/
  } : variable => value if value != null }
}

output "roles" {
  description = "ARNs of the roles: hub, retention, reader."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "reader_workgroup" {
  description = "The workgroup in which readers query."
  value       = aws_athena_workgroup.this["reader"].name
}

output "inbox_dead_queue" {
  description = "URL of the queue of notifications that couldn't be handled five times."
  value       = aws_sqs_queue.inbox_dead.url
}

output "hub" {
  description = "What the team module needs to know of this hub."
  value = {
    name        = var.name
    bucket      = aws_s3_bucket.data.arn
    prefix      = var.prefix
    kms_key_arn = var.kms_key_arn
  }
}
