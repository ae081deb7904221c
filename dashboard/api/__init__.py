"""The REST interface: the same doors as the pages, for clients with a token. `urls` is mounted at /api/v1/.

`guard` says who asks and makes every refusal problem details; `problems` maps our exceptions; `bodies` reads what comes in;
`shape` says how things look, `answers` and `description` the same for clients that are generated; the others are the endpoints.
"""
