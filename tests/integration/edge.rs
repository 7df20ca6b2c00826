//! HAProxy before nats-server, with the configuration files of `examples/haproxy`.

mod running;
