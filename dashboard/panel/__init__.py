"""The panel of a step: its form, made from the definition's own models, and the edit commands that an answer to it means.

`around` says what a form may offer, `specs` makes it, `ways` shows values as rows or as text, `form` reads it back.
"""
