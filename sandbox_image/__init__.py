"""What goes into the sandbox image, and the set-up that builds it; imports nothing of the orchestrator."""
