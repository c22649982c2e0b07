package grammar

import (
	"strings"
	"testing"
	"time"
)

// Lines made to cost as much as possible are still cheap.
func TestAdversarialLines(t *testing.T) {
	table := testTable(t)
	for _, line := range []string{
		strings.Repeat("s ", 1024),
		"show i " + strings.Repeat("s ", 1000),
		"vlan " + strings.Repeat("1-4094,", 290),
		"interface veth1-8000," + strings.Repeat("1-8000,", 280),
		"interface " + strings.Repeat("e3/1,", 400),
		"interface veth1-1048575",
		"vlan " + strings.Repeat("1,", 1000),
		`"` + strings.Repeat(`" "`, 600),
		"description " + strings.Repeat("x", 2030),
	} {
		begin := time.Now()
		table.Match(line, Typed)
		table.Match(line, Replayed)
		table.Help(line)
		table.Complete(line, nil)
		if d := time.Since(begin); d > time.Second {
			t.Errorf("%.40q took %v", line, d)
		} else {
			t.Logf("%.40q took %v", line, d)
		}
	}
}
