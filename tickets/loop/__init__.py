"""The loop with the customer: conclusions, surveys and where they go, guests, the way to the top, news."""
