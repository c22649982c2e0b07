// Package svsdomain is the feature of the control domain: which supervisors and
// line cards belong together, and how cards are admitted and watched (cli.md
// §9.3, §11.22, §13.2). The module sessions of the supervisor read its leaves;
// it programs nothing.
package svsdomain

import (
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is the configuration of the domain.
type Config struct {
	DomainID          uint32 // 0: none
	Mode              string // "L3 interface mgmt0"; the words of the svs mode line
	AutoSlot          bool
	Admission         string // "open", "tofu" or "certificate"
	HeartbeatInterval uint32 // seconds
	HeartbeatLoss     uint32 // heartbeats
}

// Defaults of the leaves.
const (
	DefaultMode      = "L3 interface mgmt0"
	DefaultAdmission = "tofu"
	DefaultInterval  = 1
	DefaultLoss      = 15
)

// Feature is the svs-domain feature.
var Feature = feature.Feature{
	Name: "svs-domain",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "svs-domain", Line: "svs-domain", Mode: "config-svs-domain",
			Section: 24, Help: "Configure the SVS domain",
		}},
		Leaves: schema.Augment([]string{"svs-domain"},
			schema.Bind("domain-id", schema.Uint("domain-id", "Domain id", 1, 4095),
				func(c *Config) *uint32 { return &c.DomainID },
				"domain id <domain-id>", "Id of the domain, the same on all supervisors and line cards"),
			schema.Bind("mode", mode, func(c *Config) *string { return &c.Mode },
				"svs mode <mode>", "Transport mode between supervisor and line cards").
				With(def(DefaultMode)),
			schema.Bind("auto-slot", schema.Flag, func(c *Config) *bool { return &c.AutoSlot },
				"vem auto-slot", "Give unknown hosts of the domain the next free slot").
				With(def(true)),
			schema.Bind("admission", admission, func(c *Config) *string { return &c.Admission },
				"vem admission <admission>", "How line cards prove who they are").
				With(def(DefaultAdmission)),
			schema.Bind("heartbeat/interval", schema.Uint("heartbeat-interval", "Seconds", 1, 30),
				func(c *Config) *uint32 { return &c.HeartbeatInterval },
				"vsm heartbeat interval <seconds>", "Time between heartbeats").
				With(def(uint32(DefaultInterval))),
			schema.Bind("heartbeat/loss", schema.Uint("heartbeat-loss", "Heartbeats", 3, 30),
				func(c *Config) *uint32 { return &c.HeartbeatLoss },
				"vsm heartbeat loss <count>", "Missed heartbeats after which a peer is gone").
				With(def(uint32(DefaultLoss))),
		),
		Words: schema.Words{
			"domain":        "Configure the domain",
			"svs":           "Configure the SVS domain",
			"vem":           "Virtual Ethernet module",
			"vsm":           "Configure the supervisor",
			"vsm heartbeat": "Heartbeats between supervisor and line cards",
		},
	},
	Check: check,
	Show:  shows,
}

func def(v any) func(*schema.Leaf) { return func(l *schema.Leaf) { l.Default = v } }

const modeL2 = "L2"

// mode takes L2 so that it can be refused with a reason.
var mode = schema.Type[string]{
	Name: "svs-mode",
	Syntax: schema.Syntax{
		Forms: []string{modeL2, "L3 interface mgmt0", "L3 interface control0"},
		Words: schema.Words{
			modeL2:                  "Layer 2 transport",
			"L3":                    "Layer 3 transport",
			"L3 interface":          "Interface of the supervisor",
			"L3 interface mgmt0":    "Management interface",
			"L3 interface control0": "Control interface",
		},
	},
	Parse: func(s string) (string, error) {
		switch s {
		case modeL2, "L3 interface mgmt0", "L3 interface control0":
			return s, nil
		}
		return "", schema.ErrInvalid
	},
	Format: func(s string) string { return s },
	Yang:   `enumeration { enum "L2"; enum "L3 interface mgmt0"; enum "L3 interface control0"; }`,
}

var admission = schema.Enum("vem-admission",
	schema.Keyword{Text: "certificate", Help: "Only cards with a certificate of this domain"},
	schema.Keyword{Text: "open", Help: "Every card of the domain"},
	schema.Keyword{Text: "tofu", Help: "Trust the first card of a host, then only the same (default)"},
)

var (
	idPath   = tree.Path{{Name: "svs-domain"}, {Name: "domain-id"}}
	modePath = tree.Path{{Name: "svs-domain"}, {Name: "mode"}}
)

func check(c feature.Candidate) []schema.Problem {
	if feature.Read(c.New, modePath, DefaultMode) == modeL2 {
		return []schema.Problem{{
			Path: modePath, Rule: "svs-mode-l2",
			Text: "ERROR: L2 control mode is not supported on this platform.",
		}}
	}
	return nil
}
