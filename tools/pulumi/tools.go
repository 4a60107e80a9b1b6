//go:build tools

// Package tools pins the Pulumi command line for the tests, so that go.mod and go.sum name every byte it is made of.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
