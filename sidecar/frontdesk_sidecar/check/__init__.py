"""`frontdesk check`: the whole chain step by step, from the configuration to a customer in SAP.

What is found is gathered by `files`, `network` and `asking`; what it means is said by the pure
`judge_*` modules; `chain` joins both, `steps` has the order, and `command` tells it.
"""
