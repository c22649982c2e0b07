package feature_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/aaa"
	"trunkline/feature/alias"
	"trunkline/feature/cdp"
	"trunkline/feature/chassis"
	"trunkline/feature/clock"
	"trunkline/feature/dns"
	"trunkline/feature/ethernet"
	"trunkline/feature/interfaces"
	"trunkline/feature/interfacevlan"
	"trunkline/feature/lldp"
	"trunkline/feature/logging"
	"trunkline/feature/login"
	"trunkline/feature/mactable"
	"trunkline/feature/management"
	"trunkline/feature/module"
	"trunkline/feature/ntp"
	"trunkline/feature/nve"
	"trunkline/feature/nxapi"
	"trunkline/feature/portprofile"
	"trunkline/feature/scheduler"
	"trunkline/feature/svsdomain"
	"trunkline/feature/switchport"
	"trunkline/feature/system"
	"trunkline/feature/vethernet"
	"trunkline/feature/vlan"
	"trunkline/feature/vnsegment"
	"trunkline/internal/secret"
)

var update = flag.Bool("update", false, "write what cmp compares with into the transcripts")

// features are those that transcripts may use.
var features = []feature.Feature{
	system.Feature, chassis.Feature, aaa.Feature, aaa.TacacsFeature, login.Feature, dns.Feature, ntp.Feature, clock.Feature, module.Feature, vlan.Feature, interfaces.Feature, ethernet.Feature,
	vethernet.Feature, switchport.Feature, portprofile.Feature, mactable.Feature, cdp.Feature, lldp.Feature, svsdomain.Feature,
	management.Feature, interfacevlan.Feature, alias.Feature, logging.Feature, vnsegment.Feature, nve.Feature, nxapi.Feature, scheduler.Feature,
}

// TestTranscripts runs the operator transcripts of all features, testdata/*.txtar,
// through the real command language on a configuration in memory, without line
// cards. Besides the commands of testscript there is
//
//	[!] vsh 'line' 'line' ...
//
// which types lines into a session that lasts as long as the script and begins
// again in exec mode with each vsh; what the lines print is the standard
// output. It stops at a line that fails.
func TestTranscripts(t *testing.T) {
	scripts, err := filepath.Glob("*/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatal("no transcripts")
	}
	testscript.Run(t, testscript.Params{
		Files: scripts, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			cli, err := newCLI()
			e.Values["cli"] = cli
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"vsh": vsh},
	})
}

type console struct{ io.Writer }

func (console) Page(int)                                    {}
func (console) Ask(context.Context, string) (string, error) { return "y", nil }

func vsh(ts *testscript.TestScript, neg bool, lines []string) {
	s := ts.Value("cli").(*session.CLI).Session(session.Options{Who: feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin}})
	for _, l := range lines {
		if s.Run(context.Background(), l, console{ts.Stdout()}).Failed {
			if !neg {
				ts.Fatalf("%q failed", l)
			}
			return
		}
	}
	if neg {
		ts.Fatalf("%q did not fail", lines)
	}
}

// newCLI makes the command language over a chassis without line cards.
func newCLI() (*session.CLI, error) {
	p, err := newProduct()
	if err != nil {
		return nil, err
	}
	return session.New(p)
}

// nameless is a host that knows no names and can do nothing else.
type nameless struct{ feature.Host }

func (nameless) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

func (nameless) SetClock(context.Context, time.Time) error { return errors.New("not in a test") }

// now is the time in transcripts, a Sunday.
var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// newProduct makes a chassis without line cards and without a host.
func newProduct() (session.Product, error) {
	var groups []schema.Group
	for _, f := range features {
		groups = append(groups, f.Schema)
	}
	s, err := schema.Compile(groups...)
	if err != nil {
		return session.Product{}, err
	}
	var factory tree.Tree
	admin, err := secret.Parse("5 $5$saltstring$P.bW6F1RP1HA7OPm5SRVZIGro4q5xJxWEWq0LwuJu6.")
	if err != nil {
		return session.Product{}, err
	}
	for _, e := range append(portprofile.Factory(), aaa.Admin("admin", admin)...) {
		factory = factory.Set(e.Path, e.Value)
	}
	store, err := config.Open(context.Background(), s, &configtest.Backend{}, hooks(s), factory)
	if err != nil {
		return session.Product{}, err
	}
	return session.Product{
		Store: store, Schema: s, Features: features, Version: "1.0(1)", Host: nameless{},
		Now: func() time.Time { return now.In(feature.Location(store.Running().Tree)) },
		Query: func(args feature.Args, who feature.Session) feature.Query {
			running := store.Running().Tree
			startup, _ := store.Startup()
			return feature.Query{
				Args: args, Running: running, Startup: startup.Tree, Schema: s,
				Effective: effective.New(s, running).Port,
				State:     &feature.State{}, Now: now.In(feature.Location(running)), Session: who,
			}
		},
	}, nil
}

// hooks are the checks and compilations of all features, for slots 3 and 4.
func hooks(s *schema.Schema) config.Hooks {
	return config.Hooks{
		Stamp: func(old, new tree.Tree, m config.Meta) tree.Tree {
			return scheduler.Stamp(old, new, m.User, now)
		},
		Check: func(old, new tree.Tree) []schema.Problem {
			var all []schema.Problem
			c := feature.Candidate{
				Old: old, New: new, Effective: effective.New(s, new).Port,
				Attached: func(string) int { return 0 },
			}
			for _, f := range features {
				if f.Check != nil {
					all = append(all, f.Check(c)...)
				}
			}
			return all
		},
		Compile: func(new tree.Tree) []schema.Problem {
			var all []schema.Problem
			for slot := feature.FirstCard; slot < feature.FirstCard+2; slot++ {
				in := feature.Input{Module: slot, Config: new, Effective: effective.New(s, new).Port}
				for name := range feature.Configured(new) {
					if feature.SlotOf(new, name) == in.Module {
						in.Ports = append(in.Ports, name)
					}
				}
				for _, f := range features {
					if f.Compile == nil {
						continue
					}
					if _, err := f.Compile(in); err != nil {
						all = append(all, schema.Problem{Rule: f.Name, Text: fmt.Sprintf("ERROR: %v", err)})
					}
				}
			}
			return all
		},
	}
}

// TestNames holds features to names that are program sections and folders.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range features {
		if seen[f.Name] || f.Name == "" || strings.ToLower(f.Name) != f.Name {
			t.Errorf("feature name %q", f.Name)
		}
		seen[f.Name] = true
	}
}
