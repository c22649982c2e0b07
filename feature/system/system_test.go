package system

import (
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

var atHostname = tree.Path{{Name: "system"}, {Name: "hostname"}}

func query() feature.Query {
	now := time.Date(2026, 11, 22, 9, 15, 2, 347_000_000, time.UTC)
	return feature.Query{
		Running: tree.Tree{}.Set(atHostname, "vsm1"),
		Now:     now,
		State: &feature.State{Modules: []feature.Module{
			{Slot: 3, Status: feature.ModuleOK, Version: "1.0(1)", UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10"},
			{Slot: 4, EverSeen: true},
		}, Supervisor: feature.Supervisor{
			Started:     time.Date(2026, 11, 10, 6, 7, 21, 482_000_000, time.UTC),
			Boot:        now.Add(-(12*24*time.Hour + 3*time.Hour + 8*time.Minute + 20*time.Second)),
			ResetReason: "Reset Requested by CLI command reload",
			Serial:      "T56A1B2C3D4", Version: "1.0(1)",
			MemoryKB: 2035476, FlashKB: 7145964, CPU: "QEMU Virtual CPU",
			Resources: feature.Resources{
				Load: [3]float64{0.34, 0.4, 0.66}, Processes: 101, Running: 2,
				CPU:     feature.CPUShare{User: 2.11, Kernel: 1.64, Idle: 96.25},
				CPUs:    []feature.CPUShare{{User: 3.33, Kernel: 2.22, Idle: 94.45}, {User: 0.89, Kernel: 1.06, Idle: 98.05}},
				TotalKB: 2035476, FreeKB: 1345824,
			},
		}},
	}
}

func TestShow(t *testing.T) {
	bare := feature.Query{State: &feature.State{}, Now: query().Now}
	for _, line := range []string{"show version", "show clock", "show hostname", "show system uptime", "show system resources", "show inventory",
		"show redundancy status", "show system redundancy status", "show copyright",
	} {
		file := strings.ReplaceAll(strings.TrimPrefix(line, "show "), " ", "-")
		for suffix, q := range map[string]feature.Query{"": query(), "-bare": bare} {
			t.Run(file+suffix, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, line)
				if err != nil {
					t.Fatal(err)
				}
				featuretest.Golden(t, file+suffix, s)
			})
		}
	}
}

func TestHostname(t *testing.T) {
	for text, want := range map[string]string{
		"vsm1": "", "a-b_c.d": "", strings.Repeat("x", 63): "",
		strings.Repeat("x", 64): "String exceeded max length of (63)",
		"":                      "Invalid command",
		"a b":                   "Invalid command",
		"a#":                    "Invalid command",
		"zürich":                "Invalid command",
		"a(config)":             "Invalid command",
	} {
		got := ""
		if _, err := hostname.ParseText(text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("parse %q: got %q, want %q", text, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for then, want := range map[time.Time]string{
		{}:                         "0 days, 0 hours, 0 minutes, 0 seconds",
		now:                        "0 days, 0 hours, 0 minutes, 0 seconds",
		now.Add(time.Hour):         "0 days, 0 hours, 0 minutes, 0 seconds",
		now.Add(-59 * time.Second): "0 days, 0 hours, 0 minutes, 59 seconds",
		now.Add(-(48*time.Hour + 61*time.Minute)): "2 days, 1 hours, 1 minutes, 0 seconds",
	} {
		if got := since(then, now).String(); got != want {
			t.Errorf("since(%v): got %s, want %s", then, got, want)
		}
	}
}

func TestRunningConfig(t *testing.T) {
	tr := tree.Tree{}.Set(atHostname, "vsm1").Set(tree.Path{{Name: "system"}, {Name: "front-panel"}}, true)
	const want = "hostname vsm1\nsystem compat front-panel\n"
	if got := featuretest.Config(t, tr, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
