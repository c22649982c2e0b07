package layers

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the package lists of the binaries")

type pkg struct {
	ImportPath  string
	Imports     []string
	TestImports []string
	Deps        []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,Deps"}, args...)...)
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// under reports whether the package path is one of the patterns: a path, or a
// path with all below it when it ends in "/...".
func under(path string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if base, ok := strings.CutSuffix(p, "/..."); ok {
			return path == base || strings.HasPrefix(path, base+"/")
		}
		return path == p
	})
}

// rules say what a package must not reach, directly or through others.
var rules = []struct {
	in     []string
	except []string
	deny   []string
	allow  []string
}{
	{
		in:   []string{"trunkline/config/..."},
		deny: []string{"trunkline/cli/...", "trunkline/gnmi/...", "trunkline/feature/...", "trunkline/supervisor/...", "trunkline/linecard/..."},
	},
	{
		in:    []string{"trunkline/cli/...", "trunkline/gnmi/..."},
		deny:  []string{"trunkline/feature/...", "trunkline/supervisor/...", "trunkline/linecard/..."},
		allow: []string{"trunkline/feature"},
	},
	{
		in: []string{"trunkline/linecard/frame/...", "trunkline/linecard/fdb/...", "trunkline/linecard/bridge/...",
			"trunkline/linecard/pipeline/...", "trunkline/linecard/port/..."},
		deny: []string{"trunkline/config/...", "trunkline/cli/...", "trunkline/gnmi/...", "trunkline/supervisor/...",
			"trunkline/feature/...", "github.com/google/gopacket/...", "log/slog"},
	},
	{
		in:    []string{"trunkline/supervisor/..."},
		deny:  []string{"trunkline/linecard/..."},
		allow: []string{"trunkline/linecard/api"},
	},
	{
		in: []string{"trunkline/cmd/vem", "trunkline/cmd/vemcmd"},
		deny: []string{"github.com/osrg/gobgp/...", "go.etcd.io/etcd/...", "github.com/chzyer/readline/...",
			"trunkline/gnmi/..."},
	},
}

func TestRules(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, r := range rules {
			if !under(p.ImportPath, r.in...) {
				continue
			}
			for _, d := range p.Deps {
				if under(d, r.deny...) && !under(d, r.allow...) && !under(d, p.ImportPath) {
					t.Errorf("%s must not depend on %s", p.ImportPath, d)
				}
			}
		}
	}
}

// TestFeatures holds features apart from each other and from the front ends.
func TestFeatures(t *testing.T) {
	for _, p := range list(t, "./feature/...") {
		rest, ok := strings.CutPrefix(p.ImportPath, "trunkline/feature/")
		if !ok {
			continue
		}
		own, half, _ := strings.Cut(rest, "/")
		for _, d := range p.Imports {
			switch {
			case under(d, "trunkline/cli/...", "trunkline/gnmi/...", "trunkline/supervisor/..."):
				t.Errorf("%s must not import %s", p.ImportPath, d)
			case half == "dataplane" && (under(d, "trunkline/config/...") || d == "trunkline/feature"):
				t.Errorf("%s must not import %s: a line-card half sees its parent's program only", p.ImportPath, d)
			case under(d, "trunkline/feature/...") && d != "trunkline/feature" && !under(d, "trunkline/feature/"+own+"/..."):
				t.Errorf("%s must not import another feature, %s", p.ImportPath, d)
			}
		}
	}
}

// fences name the packages that wrap a library that shapes code.
var fences = map[string][]string{
	"github.com/songgao/water/...":     {"trunkline/linecard/port/tap"},
	"go.etcd.io/etcd/...":              {"trunkline/supervisor/store"},
	"github.com/cilium/ebpf/...":       {"trunkline/linecard/port/xdp"},
	"github.com/chzyer/readline/...":   {"trunkline/cli/term"},
	"github.com/osrg/gobgp/...":        {"trunkline/supervisor/evpn"},
	"github.com/openconfig/gnmi/...":   {"trunkline/gnmi/..."},
	"github.com/google/gopacket/...":   {"trunkline/linecard/punt", "trunkline/linecard/capture", "trunkline/testbed/..."},
	"github.com/openconfig/goyang/...": {},
	"github.com/pkg/sftp/...":          {"trunkline/cli/sftpd", "trunkline/cli/transfer"},
}

func TestFences(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, d := range p.Imports {
			for library, homes := range fences {
				handler := strings.HasPrefix(library, "github.com/google/gopacket") && strings.HasSuffix(p.ImportPath, "/dataplane")
				if under(d, library) && !under(p.ImportPath, homes...) && !handler {
					t.Errorf("%s must not import %s: its home is %v", p.ImportPath, d, homes)
				}
			}
		}
	}
}

// TestBinaries compares the packages of each binary with a reviewed list, so
// that a new dependency is a diff somebody reads.
func TestBinaries(t *testing.T) {
	for _, p := range list(t, "./cmd/...") {
		var modules []string
		for _, d := range p.Deps {
			if host, _, _ := strings.Cut(d, "/"); strings.Contains(host, ".") || host == "trunkline" {
				modules = append(modules, d)
			}
		}
		got := strings.Join(modules, "\n") + "\n"
		file := filepath.Join("testdata", filepath.Base(p.ImportPath)+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("packages of %s changed; review and run: go test ./internal/layers -update\n%s",
				p.ImportPath, difference(string(want), got))
		}
	}
}

func difference(old, new string) string {
	var b strings.Builder
	was, is := strings.Split(old, "\n"), strings.Split(new, "\n")
	for _, l := range is {
		if !slices.Contains(was, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	for _, l := range was {
		if !slices.Contains(is, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	return b.String()
}

// TestNames refuses package names that say nothing (style.md).
func TestNames(t *testing.T) {
	empty := []string{"util", "utils", "common", "types", "helpers", "manager", "base", "misc"}
	for _, p := range list(t, "./...") {
		for _, part := range strings.Split(p.ImportPath, "/") {
			if slices.Contains(empty, part) {
				t.Errorf("%s: %q says nothing", p.ImportPath, part)
			}
		}
	}
}
