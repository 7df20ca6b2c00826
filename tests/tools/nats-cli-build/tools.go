//go:build tools

// What tests/tools/nats-cli builds: go.mod names its version, go.sum the hashes
// of all that it is made of.
package tools

import _ "github.com/nats-io/natscli/nats"
