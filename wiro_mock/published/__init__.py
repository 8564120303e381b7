"""What Wiro publishes about a model, turned into a model file.

A page for language models, a `Tool/Detail` answer or an OpenAPI document is read into a `Draft`: what the source
says, in its own words. The draft is completed to a `Model`, with a remark on everything that was guessed or left out,
and written as YAML that the strict loader takes.
"""
