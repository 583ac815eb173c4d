# What nobody may do, whatever their own policy says.

locals {
  write_once = [
    "${local.hub}/releases/*",
    "${local.hub}/log/*/*/receipts/*",
    "${local.hub}/log/*/*/generations/*",
    "${local.hub}/log/*/*/checks/*",
    "${local.hub}/log/*/*/promises/*",
    "${local.hub}/log/*/*/contracts/*",
  ]

  # Everything else stays: a list of what may go can't forget a folder that comes later.
  may_go = [
    "${local.hub}/alerts/*",
    "${local.hub}/inbox/*",
    "${local.hub}/log/*/*/pins/*",
    "${local.hub}/log/*/*/listings/*",
    "${local.hub}/log/*/*/claims/*",
    "${local.hub}/athena/*",
    "${local.hub}/catalog/*",
    "${local.hub}/docs/*",
    "${local.hub}/monitor/*",
    "${local.hub}/outbox/*",
    "${local.hub}/probe/*",
    # The dataset that `datahub doctor --smoke` makes and removes.
    "${local.hub}/releases/hub_smoke/*",
    "${local.hub}/log/hub_smoke/*",
  ]
}

resource "aws_s3_bucket_policy" "data" {
  bucket     = aws_s3_bucket.data.id
  policy     = data.aws_iam_policy_document.data.json
  depends_on = [aws_s3_bucket_public_access_block.data]
}

data "aws_iam_policy_document" "data" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket, "${local.bucket}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # A write that may overwrite has no If-None-Match. Parts of a multipart upload never have one and create nothing: what
  # creates the object is its completion, for which s3:ObjectCreationOperation is true.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  statement {
    sid       = "NoOverwrite"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = local.write_once

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }

    condition {
      test     = "Bool"
      variable = "s3:ObjectCreationOperation"
      values   = ["true"]
    }
  }

  # By the role's id and not its name: a role that is made anew under the same name is not the same one.
  statement {
    sid           = "OnlyRetentionDeletes"
    effect        = "Deny"
    actions       = ["s3:DeleteObject"]
    not_resources = local.may_go

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotLike"
      variable = "aws:userid"
      values   = ["${aws_iam_role.this["retention"].unique_id}:*"]
    }
  }

  # What retention deletes can be brought back until the lifecycle rule removes the old version.
  statement {
    sid           = "NobodyDeletesVersions"
    effect        = "Deny"
    actions       = ["s3:DeleteObjectVersion"]
    not_resources = local.may_go

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
