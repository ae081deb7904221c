"""`make chaos`: a deployment of real processes is broken in every way while it runs random workflows; then it is judged.

answers       what each model, tool and person says, and what is sent: a function of the seed and of what is asked
generator     random workflows and inputs        shapes                     their contracts
interpreter   what they must come to, without the engine (accepting, expressions)
scripted      the model and tool server          world, processes, engine   the deployment
traffic       clients and a person               post                       the events that clients send
faults        what is broken                     schedule                   and when
database      what stands in it                  takeover, judge, mail, report    what came of it
"""

PASSED, FAILED, INVALID, MISSING = 0, 1, 3, 4
"""Exit codes. Invalid: a kind of fault has not bitten. Missing: what it takes can neither be found nor started."""
