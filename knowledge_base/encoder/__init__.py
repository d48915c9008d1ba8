"""The encoder process: texts become vectors here, and nowhere else is a model loaded."""
