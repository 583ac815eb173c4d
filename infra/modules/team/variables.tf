variable "hub" {
  description = "The hub module's output `hub`."
  type = object({
    name        = string
    bucket      = string
    prefix      = string
    kms_key_arn = optional(string)
  })
}

variable "team" {
  description = "The team's name, as in its folder of the dbt project."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]*$", var.team))
    error_message = "Lower-case letters, digits, '_' and '-'."
  }
}

variable "sources" {
  description = "The dbt sources that the team delivers."
  type        = set(string)

  validation {
    condition     = length(var.sources) > 0 && alltrue([for source in var.sources : can(regex("^[A-Za-z0-9_.-]+$", source))])
    error_message = "At least one; letters, digits, '_', '-' and '.' only."
  }
}

variable "trust" {
  description = "Who may take on the team's role: ARNs of users and roles, account ids, or services."
  type        = list(string)

  validation {
    condition     = length(var.trust) > 0 && !contains(var.trust, "*")
    error_message = "Name somebody, and not everybody."
  }
}
