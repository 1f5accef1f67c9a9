"""Docker calls us: /NetworkDriver.* and /IpamDriver.*."""
