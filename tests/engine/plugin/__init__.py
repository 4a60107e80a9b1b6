"""What the provider plugins of these tests share: being a plugin of the engine, and being killed at a chosen moment."""
