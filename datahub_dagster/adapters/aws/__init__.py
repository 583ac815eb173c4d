"""What all adapters on AWS share: clients, and their failures in the hub's words."""
