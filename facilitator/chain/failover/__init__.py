"""Several providers of one network as one: order, circuit breakers, failover."""
