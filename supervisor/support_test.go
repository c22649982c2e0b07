package supervisor

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"trunkline/cli/grammar"
)

// TestSupport holds what show tech-support runs to commands that there are, and
// runs them on a chassis of which nothing else is there.
func TestSupport(t *testing.T) {
	s, err := Open(t.Context(), Config{StateDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	defer func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	}()
	var exec *grammar.Table
	for name, table := range s.CLI().Tables() {
		if name == "exec" {
			exec = table
		}
	}
	for _, topic := range support() {
		for _, c := range topic.Commands {
			if topic.Module {
				c = fmt.Sprintf(c, 3)
			}
			if _, err := exec.Match(c, grammar.Typed); err != nil {
				t.Errorf("%s: %s: %v", topic.Word, c, err)
			}
		}
	}
	out, ok := lines(t, s, "show tech-support")
	for _, want := range []string{"\n`show version`\n", "\n`show running-config`\n", "\n`dir bootflash:`\n", "\n`show cli alias`\n"} {
		if !ok || !strings.Contains(out, want) {
			t.Errorf("no %q: %d bytes, %t", want, len(out), ok)
		}
	}
	if strings.Contains(out, "\n% ") {
		t.Errorf("refused:\n%s", out)
	}
	if out, ok := lines(t, s, "show tech-support module 9 | include ERROR | count"); !ok || strings.TrimSpace(out) == "0" {
		t.Errorf("module 9: %s", out)
	}
	if out, _ := lines(t, s, "show tech-support brief > volatile:tech\nshow file volatile:tech | count ^`"); strings.TrimSpace(out) != fmt.Sprint(len(support()[2].Commands)) {
		t.Errorf("redirected: %s", out)
	}
}
