"""Weibo's fans service: signed pushes in, private messages out."""
