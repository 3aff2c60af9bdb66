"""Breaks everything around frontdesk, at random, and proves that nothing was lost.

`python -m chaos --help`. The judge stands outside: it knows what the web app answered its
clients, and what the simulated SAP applied, in which order.
"""
