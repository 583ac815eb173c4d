output "settings" {
  description = "The hub's settings, by variable."
  value       = module.hub.settings
}

output "env_file" {
  description = "The same as an environment file: terraform output -raw env_file > hub.env"
  value       = join("", [for variable, value in module.hub.settings : "${variable}=${value}\n"])
}

output "roles" {
  description = "ARNs of the roles of the hub, its retention and its readers, and of each team."
  value       = merge(module.hub.roles, { for team, made in module.team : "team-${team}" => made.role })
}

output "inboxes" {
  description = "Where each team delivers, by source."
  value       = { for team, made in module.team : team => made.inbox }
}

output "reader_workgroup" {
  description = "The workgroup in which readers query."
  value       = module.hub.reader_workgroup
}
