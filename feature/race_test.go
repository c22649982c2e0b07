//go:build race

package feature_test

import "testing"

// alone skips a test that goes through the whole grammar in one goroutine: the
// race detector would only slow it down.
func alone(t *testing.T) {
	t.Skip("one goroutine, runs without the race detector (make test)")
}
