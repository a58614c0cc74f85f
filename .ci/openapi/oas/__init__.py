"""Judges recorded HTTP exchanges against OpenAPI descriptions.

`exchange` reads them, `spec` and `schema` know the description, `judge` compares, `accepted` lets pass, `tally` counts.
"""
