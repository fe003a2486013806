"""From examples to a trained model."""
