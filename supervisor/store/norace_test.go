//go:build !race

package store

import "time"

const readyBound = 200 * time.Millisecond
