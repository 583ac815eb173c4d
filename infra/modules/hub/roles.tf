# Who may do what. infra/README.md has the same as a table: each action, and the step that needs it.

locals {
  policies = {
    hub       = data.aws_iam_policy_document.hub.json
    retention = data.aws_iam_policy_document.retention.json
    reader    = data.aws_iam_policy_document.reader.json
  }

  glue = "arn:${data.aws_partition.current.partition}:glue:${local.region}:${local.account}"

  # A call about a table is one about its database and the catalog as well.
  glue_hub = [
    "${local.glue}:catalog",
    "${local.glue}:database/${var.glue_prefix}*",
    "${local.glue}:table/${var.glue_prefix}*",
  ]

  # Athena asks for it whatever a query reads.
  # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
  glue_default = ["${local.glue}:catalog", "${local.glue}:database/default"]

  glue_candidates = [
    "${local.glue}:database/${local.candidates}",
    "${local.glue}:table/${local.candidates}/*",
  ]

  glue_read = [
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
  ]

  athena_query = [
    "athena:BatchGetQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetQueryResultsStream",
    "athena:GetQueryRuntimeStatistics",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
  ]
}

resource "aws_iam_role" "this" {
  for_each = var.trust

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

resource "aws_iam_role_policy" "this" {
  for_each = local.policies

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = each.value
}

data "aws_iam_policy_document" "trust" {
  for_each = var.trust

  statement {
    actions = ["sts:AssumeRole"]

    dynamic "principals" {
      for_each = { for kind, names in {
        AWS     = [for name in each.value : name if !endswith(name, ".amazonaws.com")]
        Service = [for name in each.value : name if endswith(name, ".amazonaws.com")]
      } : kind => names if length(names) > 0 }

      content {
        type        = principals.key
        identifiers = principals.value
      }
    }
  }
}

# Runs Dagster and the command line. It releases; it can't take a release away.
data "aws_iam_policy_document" "hub" {
  # Without a condition on the prefix: S3 answers "not found" for a key only to those who may list, and "denied" to others.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"]
    resources = [local.bucket, aws_s3_bucket.docs.arn]
  }

  statement {
    sid = "ReadAndWrite"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["${local.hub}/*", "${aws_s3_bucket.docs.arn}/*"]
  }

  statement {
    sid     = "DeleteWhatIsDerived"
    actions = ["s3:DeleteObject"]
    resources = [
      "${local.hub}/log/*/*/pins/*",
      "${local.hub}/log/*/*/listings/*",
      "${local.hub}/log/*/*/claims/*",
      "${local.hub}/alerts/*",
      "${local.hub}/athena/*",
      "${local.hub}/catalog/*",
      "${local.hub}/docs/*",
      "${local.hub}/monitor/*",
      "${local.hub}/outbox/*",
      "${local.hub}/probe/*",
      "${local.hub}/inbox/hub_smoke/*",
      "${local.hub}/releases/hub_smoke/*",
      "${local.hub}/log/hub_smoke/*",
      "${aws_s3_bucket.docs.arn}/*",
    ]
  }

  statement {
    sid = "LookAtBuckets"
    actions = [
      "s3:GetBucketNotification",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPolicyStatus",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketVersioning",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
    ]
    resources = [local.bucket, aws_s3_bucket.docs.arn]
  }

  statement {
    sid = "Catalog"
    actions = concat(local.glue_read, [
      "glue:BatchCreatePartition",
      "glue:BatchDeletePartition",
      "glue:BatchDeleteTable",
      "glue:BatchUpdatePartition",
      "glue:CreateDatabase",
      "glue:CreatePartition",
      "glue:CreateTable",
      "glue:DeletePartition",
      "glue:DeleteTable",
      "glue:UpdatePartition",
      "glue:UpdateTable",
    ])
    resources = local.glue_hub
  }

  # A smoke run removes the database that it made; this one is Terraform's, and stays.
  statement {
    sid     = "Smoke"
    actions = ["glue:DeleteDatabase"]
    resources = [
      "${local.glue}:catalog",
      "${local.glue}:database/${var.glue_prefix}hub_smoke",
      "${local.glue}:table/${var.glue_prefix}hub_smoke/*",
    ]
  }

  statement {
    sid       = "Default"
    actions   = ["glue:GetDatabase", "glue:GetDatabases"]
    resources = local.glue_default
  }

  statement {
    sid       = "Audit"
    actions   = local.athena_query
    resources = [aws_athena_workgroup.this["hub"].arn]
  }

  statement {
    sid = "Inbox"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.inbox.arn]
  }

  dynamic "statement" {
    for_each = length(var.secret_arns) > 0 ? ["notify"] : []

    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue", "ssm:GetParameter"]
      resources = var.secret_arns
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "Encrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# Runs `datahub gc` and nothing else: what may go is worked out from the log, the catalog and the inbox.
data "aws_iam_policy_document" "retention" {
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [local.bucket]
  }

  statement {
    sid     = "ReadNotes"
    actions = ["s3:GetObject"]
    resources = [
      "${local.hub}/catalog/*",
      "${local.hub}/log/*",
      "${local.hub}/releases/*/_*.json",
      "${local.hub}/inbox/*",
    ]
  }

  statement {
    sid       = "Claim"
    actions   = ["s3:PutObject"]
    resources = ["${local.hub}/log/*/*/claims/*"]
  }

  statement {
    sid     = "Remove"
    actions = ["s3:DeleteObject"]
    resources = [
      "${local.hub}/releases/*",
      "${local.hub}/inbox/*",
      "${local.hub}/log/*/*/claims/*",
    ]
  }

  statement {
    sid       = "Catalog"
    actions   = local.glue_read
    resources = local.glue_hub
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "Encrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# Reads what is published, through Athena or directly. Sees neither inbox nor candidates, nor rows that failed a test.
data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "Place"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.bucket, aws_s3_bucket.docs.arn]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values = [
        "${var.prefix}/releases/*",
        "${var.prefix}/log/*",
        "${var.prefix}/athena/reader/*",
      ]
    }
  }

  statement {
    sid     = "Read"
    actions = ["s3:GetObject"]
    resources = [
      "${local.hub}/releases/*",
      "${local.hub}/log/*/*/generations/*",
      "${local.hub}/athena/reader/*",
      "${aws_s3_bucket.docs.arn}/*",
    ]
  }

  statement {
    sid       = "ListPages"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.docs.arn]
  }

  # They hold samples of rows, of rejected releases too.
  statement {
    sid     = "NoAudits"
    effect  = "Deny"
    actions = ["s3:GetObject"]
    resources = [
      "${local.hub}/releases/*/_audit.*",
      "${local.hub}/releases/*/_record.json",
    ]
  }

  statement {
    sid       = "Results"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${local.hub}/athena/reader/*"]
  }

  statement {
    sid       = "Catalog"
    actions   = local.glue_read
    resources = local.glue_hub
  }

  statement {
    sid       = "Default"
    actions   = ["glue:GetDatabase", "glue:GetDatabases"]
    resources = local.glue_default
  }

  statement {
    sid       = "NoCandidates"
    effect    = "Deny"
    actions   = ["glue:*"]
    resources = local.glue_candidates
  }

  statement {
    sid       = "Query"
    actions   = local.athena_query
    resources = [aws_athena_workgroup.this["reader"].arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "Encrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
