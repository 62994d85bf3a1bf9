"""Files of users that other systems write, read row by row.

One file a format. Each is read as a stream: what is kept of it is the row at hand. A row that makes
no sense is passed on as a failure with its place and the reason, and the next one is read; only a
file that is not of its format at all ends the reading.
"""
