"""WeChat Official Account: signed pushes in, customer-service messages out."""
