package acceptance

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWrongCardLines gives vemcmd five wrong lines of every command: each is
// answered in one line with status 1, and the card goes on.
func TestWrongCardLines(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "vem.sock")
	card := start(t, filepath.Join(bin, "vem"), "--vsm", "127.0.0.1:1", "--state-dir", filepath.Join(dir, "state"),
		"--vem-socket", socket, "--host-uuid", "00000000-0000-4000-8000-000000000009", "--config", "")
	vemcmd := func(words ...string) result {
		return run(t, 10*time.Second, filepath.Join(bin, "vemcmd"), append([]string{"--vem-socket", socket}, words...)...)
	}
	eventually(t, 5*time.Second, "the card answers", func() error {
		if r := vemcmd("show", "card"); r.code != 0 {
			return errors.New(r.log)
		}
		return nil
	})
	help := vemcmd("help")
	commands := regexp.MustCompile(`(?m)^  ([a-z0-9]+(?: [a-z0-9]+)*)`).FindAllStringSubmatch(help.out, -1)
	if help.code != 0 || len(commands) < 10 {
		t.Fatalf("help: %s %s", help.out, help.log)
	}
	for _, c := range commands {
		words := strings.Fields(c[1])
		last := len(words) - 1
		misspelt := append(slices.Clone(words[:last]), words[last]+"x")
		for _, line := range [][]string{
			misspelt,
			append(slices.Clone(words), "zzq"),
			append(slices.Clone(words), "port", "zzq"),
			append(slices.Clone(words), "5000", "-1"),
			append(slices.Clone(words), strings.Repeat("x", 5000)),
			append(slices.Clone(words), "\xff"),
		} {
			r := vemcmd(line...)
			if r.code != 1 || strings.Count(r.log, "\n") != 1 || !strings.HasPrefix(r.log, "vemcmd: ") || r.out != "" {
				t.Errorf("%.80q: exit %d, %.200q, %.200q", line, r.code, r.out, r.log)
			}
		}
	}
	if log, err := os.ReadFile(card.log); err != nil || !card.running() || panicked(string(log)) {
		t.Errorf("the card: %v %s", err, tail(string(log), 2000))
	}
}
