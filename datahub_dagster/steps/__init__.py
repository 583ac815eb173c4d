"""What each step of a delivery's way does. Effects go through ports only."""
