//go:build tools

// Package tools pins Packer and its Amazon plugin, which the set-up builds where they are missing.
package tools

import (
	_ "github.com/hashicorp/packer"
	_ "github.com/hashicorp/packer-plugin-amazon"
)
