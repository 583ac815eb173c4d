output "role" {
  description = "ARN of the team's role."
  value       = aws_iam_role.team.arn
}

output "inbox" {
  description = "Where the team delivers, by source."
  value = {
    for source in var.sources : source =>
    "s3://${provider::aws::arn_parse(var.hub.bucket).resource}/${var.hub.prefix}/inbox/${source}/"
  }
}
