# Whatever is written to the inbox is told to a queue, which the hub's inbox sensor reads.

locals {
  sqs   = "arn:${data.aws_partition.current.partition}:sqs:${local.region}:${local.account}"
  inbox = "${local.sqs}:${var.name}-inbox"
}

resource "aws_sqs_queue" "inbox" {
  name                       = "${var.name}-inbox"
  policy                     = data.aws_iam_policy_document.inbox.json
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 300
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.inbox_dead.arn
    maxReceiveCount     = 5
  })
}

# Notifications that couldn't be handled five times. Nothing is lost by them: all inboxes are listed as well, now and then.
resource "aws_sqs_queue" "inbox_dead" {
  name                      = "${var.name}-inbox-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.inbox]
  })
}

data "aws_iam_policy_document" "inbox" {
  statement {
    sid       = "FromTheBucket"
    actions   = ["sqs:SendMessage"]
    resources = [local.inbox]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.bucket]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_s3_bucket_notification" "inbox" {
  bucket = aws_s3_bucket.data.id

  queue {
    id            = "inbox"
    queue_arn     = aws_sqs_queue.inbox.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${var.prefix}/inbox/"
  }
}
