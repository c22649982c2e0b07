//go:build race

package soak

// raced says that the race detector slows every frame down.
const raced = true
