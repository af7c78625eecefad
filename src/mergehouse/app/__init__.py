"""The web suite: pages rendered on the server, over the gateway of `access`."""
