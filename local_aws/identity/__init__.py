"""Who a machine is to the API, and what its role lets it do there."""
