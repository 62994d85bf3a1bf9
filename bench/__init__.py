"""How fast limen is, beside what it is built from: `make bench`, or `python -m bench`.

Every figure is a ratio to a baseline that was measured in the same run, in turns with limen, so
that the speed of the machine cancels out. The processes under test are those that `limen up` runs:
the embedded servers on disk, the core, the worker and the edge, logging to files.

An answer counts only if it is a success. What a load generator cannot see, such as the status in
the trailers of gRPC, is compared with the core's own counters; a round in which they disagree
makes the figure void.
"""
