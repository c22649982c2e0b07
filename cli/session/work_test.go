package session_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
)

// TestBomb has a text of little bytes name thousands of entries in each line. The
// lines are read no further than the bound, by the count of entries made.
func TestBomb(t *testing.T) {
	const each, lines = 1000, 3 * session.MaxWork / 1000
	_, bad, err := session.ParseConfig(sessiontest.Schema(t), strings.Repeat(fmt.Sprintf("no vlan 2-%d\n", each+1), lines))
	if err != nil {
		t.Fatal(err)
	}
	if want := lines - session.MaxWork/each; len(bad) != want || !strings.Contains(bad[0].Reason, "names more than") {
		t.Errorf("%d of %d lines are not made, want %d", len(bad), lines, want)
	}
}
