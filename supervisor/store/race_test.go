//go:build race

package store

import "time"

// The race detector makes everything several times slower.
const readyBound = time.Second
