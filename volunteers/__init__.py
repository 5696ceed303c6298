"""People with an account: who they are, how they were let in, what only they can open, what they offer."""
