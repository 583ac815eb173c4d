variable "name" {
  description = "Begins the names of all that is made for this environment: roles, queues, workgroups."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.name))
    error_message = "2 to 32 lower-case letters, digits and '-', a letter first."
  }
}

variable "bucket" {
  description = "Name of the data bucket. It is made here and holds this environment alone."
  type        = string
}

variable "prefix" {
  description = "Stands before every key of the hub in the bucket."
  type        = string
  default     = "hub"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.prefix))
    error_message = "A path of letters, digits, '_' and '-', without '/' at its ends."
  }
}

variable "docs_bucket" {
  description = "Name of the bucket of the documentation pages. It is made here too."
  type        = string
}

variable "docs_public" {
  description = "Whether anybody on the internet may read the pages."
  type        = bool
  default     = false
}

variable "sources" {
  description = "The dbt sources of this hub; of one with a `schema` of its own, that. Each gets a Glue database."
  type        = set(string)

  validation {
    condition     = alltrue([for source in var.sources : can(regex("^[A-Za-z0-9_.-]+$", source))])
    error_message = "A source is named by letters, digits, '_', '-' and '.' only."
  }

  validation {
    condition     = length(setintersection(var.sources, ["hub_candidates", "hub_smoke"])) == 0
    error_message = "hub_candidates and hub_smoke are the hub's own."
  }
}

variable "glue_prefix" {
  description = "Begins the names of this environment's Glue databases. The roles reach databases with this beginning and no other."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_]*_$", var.glue_prefix))
    error_message = "Lower-case letters, digits and '_', with '_' at its end: prod_"
  }
}

variable "kms_key_arn" {
  description = "KMS key of both buckets (SSE-KMS). null: keys of S3 itself (SSE-S3)."
  type        = string
  default     = null
}

variable "secret_arns" {
  description = "ARNs of what the hub may ask Secrets Manager or the Parameter Store for: those of DATAHUB_NOTIFY_WEBHOOK_SECRET and DATAHUB_ALERT_TARGETS. Made elsewhere."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.secret_arns : can(regex("^arn:[^:]+:(secretsmanager|ssm):", arn))])
    error_message = "ARNs of secrets (arn:aws:secretsmanager:...) or parameters (arn:aws:ssm:...)."
  }
}

variable "bytes_scanned_cutoff_per_query" {
  description = "Athena stops a query that has read so many bytes. At least 10,000,000."
  type        = number
  default     = 107374182400
}

variable "athena_result_days" {
  description = "Days until results of Athena queries are removed."
  type        = number
  default     = 7
}

variable "noncurrent_version_days" {
  description = "Days in which something overwritten or deleted can still be brought back."
  type        = number
  default     = 30
}

variable "trust" {
  description = <<-EOT
    Who may take on each role: ARNs of users and roles, account ids, or services (`ecs-tasks.amazonaws.com`).
    `reader` may be everybody who reads; `retention` should be the one job that runs `datahub gc`.
  EOT
  type = object({
    hub       = list(string)
    retention = list(string)
    reader    = list(string)
  })

  validation {
    condition     = alltrue([for trusted in values(var.trust) : length(trusted) > 0 && !contains(trusted, "*")])
    error_message = "Name somebody for each role, and not everybody."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` removes buckets and workgroups that hold something. For trials."
  type        = bool
  default     = false
}
