"""The assistant: training data, Rasa components, training, serving. Imports nothing when imported."""
