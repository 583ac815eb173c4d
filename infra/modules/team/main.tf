# A team's role: it writes to the inbox of its own sources and reads nothing, not even what it has written.

resource "aws_iam_role" "team" {
  name               = "${var.hub.name}-team-${var.team}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "team" {
  name   = "inbox"
  role   = aws_iam_role.team.id
  policy = data.aws_iam_policy_document.inbox.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    dynamic "principals" {
      for_each = { for kind, names in {
        AWS     = [for name in var.trust : name if !endswith(name, ".amazonaws.com")]
        Service = [for name in var.trust : name if endswith(name, ".amazonaws.com")]
      } : kind => names if length(names) > 0 }

      content {
        type        = principals.key
        identifiers = principals.value
      }
    }
  }
}

data "aws_iam_policy_document" "inbox" {
  statement {
    sid       = "Deliver"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = [for source in var.sources : "${var.hub.bucket}/${var.hub.prefix}/inbox/${source}/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.hub.bucket]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for source in var.sources : "${var.hub.prefix}/inbox/${source}/*"]
    }
  }

  # Parts of one upload are encrypted with the same data key, which S3 has to read again.
  dynamic "statement" {
    for_each = var.hub.kms_key_arn[*]

    content {
      sid       = "Encrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
