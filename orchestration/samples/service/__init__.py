"""The sample service: what the tools of the samples call. A support desk, a ledger and a library, small but over real HTTP.

It ships with the embedded mode, under /samples/ of the same server and the same port, so that a call which was under way
when the process was killed finds it again after the next start. It stands before the pages: it has no session, no cookie
and no page, and answers only who sends its bearer token, which the installation keeps as the secret `sample_desk`.

It misbehaves on purpose where the data says so, for people to see what a workflow does then:

    customer C-404      not found
    customer C-503      unavailable twice, then there
    ticket T-5000       the reply is sent, then the connection ends in a 500: nobody can know
    Brisk Couriers Ltd  the ledger is unavailable twice, then posts
    HP-2025-0388        an invoice that is in the ledger already: refused
"""

from orchestration.samples.service.server import PREFIX, SampleService, token

__all__ = ["PREFIX", "SampleService", "token"]
