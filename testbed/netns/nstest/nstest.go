// Package nstest runs tests that need network namespaces: in a private world
// where there can be one, so that they need no root and leave nothing behind.
package nstest

import (
	"fmt"
	"os"
	"testing"

	"trunkline/testbed/netns"
	"trunkline/testbed/netns/isolate"
)

// Main runs the tests of a package in a private world; call it from TestMain.
// Where there can be none they run where they are, and Require skips.
func Main(m *testing.M) {
	inside, exit, err := isolate.Enter(os.Args[1:])
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "tests run outside a private world:", err)
		os.Exit(m.Run())
	case inside:
		os.Exit(m.Run())
	default:
		os.Exit(exit)
	}
}

// Require skips the test if namespaces cannot be made here.
func Require(t testing.TB) {
	t.Helper()
	n, err := netns.Create(fmt.Sprintf("probe-%d", os.Getpid()))
	if err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	if err := n.Delete(); err != nil {
		t.Fatal(err)
	}
}

// Create makes a namespace that is deleted with the test.
func Create(t testing.TB, name string) netns.NS {
	t.Helper()
	n, err := netns.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Delete(); err != nil {
			t.Error(err)
		}
	})
	return n
}
