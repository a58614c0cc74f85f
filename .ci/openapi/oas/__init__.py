"""Judges recorded HTTP exchanges against OpenAPI descriptions. The way through: exchange, spec, judge, accepted, summary."""
