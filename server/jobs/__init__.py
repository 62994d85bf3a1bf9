"""Work that outlives the call that asked for it: mail, and clearing away what has expired.

A job is a row of the outbox, written in the transaction that wants it done. The relay publishes the
ids of due rows through taskiq to a stream in Valkey; a worker takes the id, runs the handler of the
row's kind and marks the row done in the handler's own transaction.

PostgreSQL is the truth. A stream that is lost, repeated or forged changes nothing: what is not
done is published again, what is done never runs again, and no row runs twice at once. What a
handler does outside of PostgreSQL may happen again if the worker dies before it commits;
`server.jobs.runner` says how small that window is, and `server.jobs.mail` how mail bears it.

Knows no slice: they bring their handlers and sweeps, `server.worker` puts them together.
"""
