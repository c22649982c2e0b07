package supervisor

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/openconfig/goyang/pkg/yang"

	"trunkline/cli/grammar/grammartest"
	"trunkline/config/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// TestYANG exports the schema of every feature, compares it with the reviewed
// one and has goyang read it back.
func TestYANG(t *testing.T) {
	config, state, err := Schemas(Features())
	if err != nil {
		t.Fatal(err)
	}
	text := schema.YANG(config, state)
	file := filepath.Join("testdata", "trunkline.yang")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Error("the YANG module changed; review and run: go test ./supervisor -update")
	}
	modules := yang.NewModules()
	if err := modules.Parse(text, "trunkline.yang"); err != nil {
		t.Fatal(err)
	}
	if errs := modules.Process(); len(errs) > 0 {
		t.Fatal(errs)
	}
	if errs := yang.ToEntry(modules.Modules[schema.Module]).GetErrors(); len(errs) > 0 {
		t.Fatal(errs)
	}
}

// TestGrammar walks every table of the product (cli.md §16, items 3 and 4).
func TestGrammar(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.close()
	for name, table := range s.CLI().Tables() {
		t.Run(name, func(t *testing.T) {
			if n := grammartest.Walk(t, table); n == 0 {
				t.Error("nothing to walk")
			}
		})
	}
}

func open(t *testing.T, dir string) *Supervisor {
	t.Helper()
	s, err := Open(context.Background(), Config{StateDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
