"""From folders, tables and data sets to tf.Examples, and checks of both."""
