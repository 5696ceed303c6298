"""What each role sees. One file for each thing; nothing here but the way through it."""
