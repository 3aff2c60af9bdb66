"""The sidecar of frontdesk: carries identified customers into SAP Commerce Cloud."""
