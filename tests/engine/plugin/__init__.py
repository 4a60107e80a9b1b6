"""What every provider plugin of these tests shares: being a plugin of the Pulumi engine, and being killed at a chosen moment."""
