"""The router: which pools an order goes through, and how much of it through each."""
