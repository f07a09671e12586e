"""What people look at. Nothing here decides anything."""
