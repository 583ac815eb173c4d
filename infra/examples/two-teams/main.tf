# One environment with two teams. Copy it, and change what is said in variables.tf.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "datahub"
      environment = var.environment
    }
  }

  # An emulator knows neither names of buckets in host names nor the metadata of a machine.
  s3_use_path_style           = var.aws_endpoint != null
  skip_credentials_validation = var.aws_endpoint != null
  skip_metadata_api_check     = var.aws_endpoint != null
  skip_region_validation      = var.aws_endpoint != null

  dynamic "endpoints" {
    for_each = var.aws_endpoint[*]

    content {
      athena = endpoints.value
      glue   = endpoints.value
      iam    = endpoints.value
      kms    = endpoints.value
      s3     = endpoints.value
      sqs    = endpoints.value
      sts    = endpoints.value
    }
  }
}

data "aws_caller_identity" "current" {}

locals {
  name  = "datahub-${var.environment}"
  here  = [data.aws_caller_identity.current.account_id]
  trust = { for role, trusted in var.trust : role => coalescelist(trusted, local.here) }
}

module "hub" {
  source = "../../modules/hub"

  name        = local.name
  bucket      = "${var.organisation}-${local.name}"
  docs_bucket = "${var.organisation}-${local.name}-docs"
  prefix      = var.environment
  glue_prefix = "${replace(var.environment, "-", "_")}_"
  sources     = flatten([for team in var.teams : team.sources])
  trust       = local.trust

  kms_key_arn   = var.kms_key_arn
  docs_public   = var.docs_public
  secret_arns   = var.secret_arns
  force_destroy = var.trial
}

module "team" {
  source   = "../../modules/team"
  for_each = var.teams

  hub     = module.hub.hub
  team    = each.key
  sources = each.value.sources
  trust   = coalescelist(each.value.trust, local.here)
}
