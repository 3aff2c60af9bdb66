"""From due customers to SAP: what is sent when, in which company, and what becomes of it.

pace          the numbers it goes by
gate          whether anything may be sent at all: open, or shut for a reason, with tries
guard         many customers refused at once: the mapping is broken, not the customers
limits        requests a second and at once, as SAP bears them
backoff       how long a customer waits that failed
fingerprint   what is known of the payload delivered last
verdict       what an outcome means for the customer's row
courier       one customer, or many in one `$batch`, from payload to outcomes
forwarder     the loop over all of these
"""
