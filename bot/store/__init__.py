"""The only writers of the tables of `bot/tables.py`. Every function takes the open transaction; rows become values."""
