package supervisor

import (
	"strings"
	"testing"
)

// TestSetupDialogue: mgmt0 is asked about where there is one, and its "no" leaves
// out its questions alone.
func TestSetupDialogue(t *testing.T) {
	without, with := SetupDialogue("admin", false), SetupDialogue("admin", true)
	for _, q := range without {
		if strings.Contains(q.Text, "mgmt0") || strings.Contains(q.Text, "gateway") || q.Of > 0 {
			t.Errorf("without a mgmt0: %q", q.Text)
		}
	}
	if len(with) != len(without)+3 || with[2].Of != 2 || !strings.Contains(with[5].Text, "SSH") {
		t.Errorf("with a mgmt0: %+v", with)
	}
}
