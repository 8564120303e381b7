"""The inside of `WiroMock`: what a test sees of a world, what it may demand of it, and how that is told."""
