//go:build !race

package feature_test

import "testing"

// alone is for tests that the race detector does not run.
func alone(*testing.T) {}
