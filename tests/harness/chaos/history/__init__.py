"""History: what was observed of a run. Posts, statuses on sockets, faults, and what Postgres and Redis hold."""
