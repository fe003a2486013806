"""What the commands that run the pipeline share."""
