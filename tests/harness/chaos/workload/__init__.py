"""Workload: what clients do. They post orders at a steady rate, or many at once, and watch them on sockets."""
