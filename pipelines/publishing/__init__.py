"""From a trained model to `saved_models/`."""
