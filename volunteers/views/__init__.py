"""The pages of this room, one module per part of the public surface."""
