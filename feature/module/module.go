// Package module is the feature of line cards as an operator sees them: the
// slots of the chassis, bound to hosts, and what the supervisor knows of the
// card in each.
//
// A slot is known once it is configured (vem N) or a card has been admitted to
// it. A known slot without a live card is absent: it is left out of show
// module and listed by show module vem missing.
package module

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is what an operator sets for a slot.
type Config struct {
	Host     string // UUID of the host, "" for none
	Datapath Datapath
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// uuidType is the type of UUIDs (RFC 9562 §4), kept in lower case.
var uuidType = schema.Type[string]{
	Name:   "uuid",
	Syntax: schema.Syntax{Notation: "WORD", Help: "UUID of the host: 7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10"},
	Parse: func(s string) (string, error) {
		s = strings.ToLower(s)
		if !uuid.MatchString(s) {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
	Yang:   `string { pattern "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"; }`,
}

var (
	slotType   = schema.Uint("slot", "Slot of a line card", feature.FirstCard, feature.MaxModule)
	moduleType = schema.Uint("module", "Module number", 1, feature.MaxModule)
)

// Feature is the feature.
var Feature = feature.Feature{
	Name: "module",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "vems/vem", Keys: []schema.Key{{Name: "slot", Type: slotType}},
			Line: "vem <slot>", Mode: "config-vem-slot", Section: 6,
			Help: "Slot of a line card",
		}},
		Leaves: schema.Augment([]string{"vems/vem"},
			schema.Bind("host-id", uuidType, func(c *Config) *string { return &c.Host },
				"host id <uuid>", "Bind the slot to a host"),
			schema.Bind("datapath", datapathType, func(c *Config) *Datapath { return &c.Datapath },
				"host datapath <datapath>", "How the module moves frames; takes effect when its line card is started again")),
		Words: schema.Words{
			"vem":     "Virtual Ethernet module",
			"host":    "Host of the module",
			"host id": "Bind the slot to a host",
		},
	},
	State:   operational,
	Observe: feature.Observe{Module: observe, ModuleSamples: sample},
	Check:   check,
	Compile: compile,
	Reads:   []tree.Path{feature.ModulesRoot},
	Show:    shows,
	Exec:    execs,
}

var vemsPath = tree.Path{{Name: "vems"}, {Name: "vem"}}

func vemPath(slot int) tree.Path {
	return tree.Path{vemsPath[0], {Name: "vem", Key: strconv.Itoa(slot)}}
}

func hostID(t tree.Tree, slot string) string {
	return feature.Read(t, tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "host-id"}}, "")
}

// check refuses a host that is bound to two slots, and to remove a slot from
// below its card: that would take the host's ports with it.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(feature.ModulesRoot) {
		return nil
	}
	var problems []schema.Problem
	for slot := range c.Old.Keys(vemsPath) {
		path := tree.Path{vemsPath[0], {Name: "vem", Key: slot}}
		if n, err := strconv.Atoi(slot); err == nil && c.Online != nil && !c.New.Exists(path) && c.Online(n) {
			problems = append(problems, schema.Problem{
				Path: path, Rule: "module-online", Text: fmt.Sprintf("ERROR: Module %s is online; stop its line card first.", slot),
			})
		}
	}
	taken := map[string]string{}
	for slot := range c.New.Keys(vemsPath) {
		host := hostID(c.New, slot)
		if host == "" {
			continue
		}
		if other, ok := taken[host]; ok {
			problems = append(problems, schema.Problem{
				Path: tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "host-id"}}, Rule: "host-taken",
				Text: fmt.Sprintf("ERROR: Host %s is bound to module %s already.", host, other),
			})
			continue
		}
		taken[host] = slot
	}
	return problems
}

// slots returns the known slots in order, each as its module, absent ones
// included.
func slots(q feature.Query) []feature.Module {
	var all []feature.Module
	known := q.State.Modules
	add := func(m feature.Module) {
		if m.Slot >= feature.FirstCard {
			if m.UUID == "" {
				m.UUID = hostID(q.Running, strconv.Itoa(m.Slot))
			}
			all = append(all, m)
		}
	}
	for key := range q.Running.Keys(vemsPath) {
		slot, _ := strconv.Atoi(key)
		for len(known) > 0 && known[0].Slot <= slot {
			add(known[0])
			known = known[1:]
		}
		if n := len(all); n == 0 || all[n-1].Slot != slot {
			add(feature.Module{Slot: slot})
		}
	}
	for _, m := range known {
		add(m)
	}
	return all
}
