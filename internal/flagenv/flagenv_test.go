package flagenv

import (
	"flag"
	"io"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name     string
		env      map[string]string
		args     []string
		dir      string
		slot     int
		mistaken string
	}{
		{name: "defaults", dir: "/var/lib/trunkline"},
		{name: "environment", env: map[string]string{"TRUNKLINE_STATE_DIR": "/s", "TRUNKLINE_SLOT": "4"}, dir: "/s", slot: 4},
		{name: "flag wins", env: map[string]string{"TRUNKLINE_STATE_DIR": "/s"}, args: []string{"--state-dir", "/f"}, dir: "/f"},
		{name: "empty is unset", env: map[string]string{"TRUNKLINE_STATE_DIR": ""}, dir: "/var/lib/trunkline"},
		{name: "bad variable", env: map[string]string{"TRUNKLINE_SLOT": "x"}, mistaken: `TRUNKLINE_SLOT="x"`},
		{name: "bad flag", args: []string{"--slots", "3"}, mistaken: "slots"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := flag.NewFlagSet("vem", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			dir := fs.String("state-dir", "/var/lib/trunkline", "")
			slot := fs.Int("slot", 0, "")
			err := Parse(fs, c.args, func(k string) (string, bool) { v, ok := c.env[k]; return v, ok })
			if c.mistaken != "" {
				if err == nil || !strings.Contains(err.Error(), c.mistaken) {
					t.Fatalf("error %v, want one about %s", err, c.mistaken)
				}
				return
			}
			if err != nil || *dir != c.dir || *slot != c.slot {
				t.Fatalf("dir %q slot %d err %v; want %q %d", *dir, *slot, err, c.dir, c.slot)
			}
		})
	}
}
