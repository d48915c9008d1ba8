"""Figures: one row of facts per ticket, counted from its own columns, history and talk; figures are sums over them."""
