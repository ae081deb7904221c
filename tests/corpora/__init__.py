"""Bad input, each piece once, for every door that there is: the tests of a door push through it all that fits.

`values` stand where a value is due, `definitions` where a workflow's text is, `answers` where a model or a tool answers.
"""
