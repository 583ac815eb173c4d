variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "environment" {
  description = "Names the environment in the names of all resources."
  type        = string
  default     = "prod"
}

variable "organisation" {
  description = "Begins the names of the buckets, which are unique in the whole world."
  type        = string
}

variable "teams" {
  description = "The teams, their sources, and who may deliver for them (ARNs, account ids)."
  type = map(object({
    sources = list(string)
    trust   = optional(list(string), [])
  }))
  default = {
    markets = { sources = ["equities", "indices"] }
    weather = { sources = ["weather"] }
  }
}

variable "trust" {
  description = "Who may take on the hub's roles. An empty list: whom this account's own policies let."
  type = object({
    hub       = optional(list(string), [])
    retention = optional(list(string), [])
    reader    = optional(list(string), [])
  })
  default = {}
}

variable "kms_key_arn" {
  description = "KMS key of the buckets; null: SSE-S3."
  type        = string
  default     = null
}

variable "docs_public" {
  description = "Whether anybody on the internet may read the pages."
  type        = bool
  default     = false
}

variable "secret_arns" {
  description = "ARNs of secrets and parameters that the hub may read."
  type        = list(string)
  default     = []
}

variable "trial" {
  description = "Whether `terraform destroy` may remove data."
  type        = bool
  default     = false
}

variable "aws_endpoint" {
  description = "Address of an emulator of AWS; null: AWS itself."
  type        = string
  default     = null
}
