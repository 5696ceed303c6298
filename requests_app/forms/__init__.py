"""What people type, checked. One file for each who types it."""
