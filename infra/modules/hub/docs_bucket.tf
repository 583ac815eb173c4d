# The documentation pages. They are made anew from contracts and records, so that nothing here needs a history.

resource "aws_s3_bucket" "docs" {
  bucket        = var.docs_bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_server_side_encryption_configuration" "docs" {
  bucket = aws_s3_bucket.docs.id

  rule {
    bucket_key_enabled = true

    # Nobody outside has the key, so that public pages can't be encrypted with it.
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null || var.docs_public ? "AES256" : "aws:kms"
      kms_master_key_id = var.docs_public ? null : var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "docs" {
  bucket                  = aws_s3_bucket.docs.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = !var.docs_public
  restrict_public_buckets = !var.docs_public
}

resource "aws_s3_bucket_ownership_controls" "docs" {
  bucket = aws_s3_bucket.docs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_website_configuration" "docs" {
  count  = var.docs_public ? 1 : 0
  bucket = aws_s3_bucket.docs.id

  index_document {
    suffix = "index.html"
  }
}

resource "aws_s3_bucket_policy" "docs" {
  bucket     = aws_s3_bucket.docs.id
  policy     = data.aws_iam_policy_document.docs.json
  depends_on = [aws_s3_bucket_public_access_block.docs]
}

data "aws_iam_policy_document" "docs" {
  # The website endpoint of S3 speaks no TLS: public pages may be read without.
  statement {
    sid         = "TlsOnly"
    effect      = "Deny"
    actions     = var.docs_public ? null : ["s3:*"]
    not_actions = var.docs_public ? ["s3:GetObject"] : null
    resources   = [aws_s3_bucket.docs.arn, "${aws_s3_bucket.docs.arn}/*"]

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

  dynamic "statement" {
    for_each = var.docs_public ? ["public"] : []

    content {
      sid       = "EverybodyReads"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.docs.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }
}
