"""Ways for a client to reach the mock: told by variables, led there by a proxy, or by a name of Wiro's."""
