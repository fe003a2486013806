"""The steps of the pipeline that TFX does not bring, one a module."""
