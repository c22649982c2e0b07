// Package system is the feature of the chassis itself: its name, its version,
// clock and load, and ping from the supervisor (cli.md §9.1, §10, §11.1,
// §11.23).
package system

import (
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is the configuration of the chassis.
type Config struct {
	Hostname string
	// FrontPanel names the ports of slot 3 Ethernet1/P (cli.md §13.6).
	FrontPanel bool
}

// DefaultHostname is the name of a chassis without a configured one.
const DefaultHostname = feature.DefaultHostname

const maxHostname = 63

// Feature is the system feature.
var Feature = feature.Feature{
	Name: "system",
	Schema: schema.Group{
		Leaves: []schema.Leaf{
			schema.Bind("system/hostname", hostname, func(c *Config) *string { return &c.Hostname },
				"hostname <name>", "Configure system's host name").
				With(func(l *schema.Leaf) { l.Default = DefaultHostname; l.Section = 1; l.Order = 1 }),
			schema.Bind("system/front-panel", schema.Flag, func(c *Config) *bool { return &c.FrontPanel },
				"system compat front-panel", "Name the ports of module 3 Ethernet1/1 and up").
				// Before the interfaces, although it is a platform extension: which
				// of them may exist depends on it.
				With(func(l *schema.Leaf) { l.Section = 1; l.Order = 2 }),
		},
		Aliases: []schema.Alias{{
			Line: "switchname <name>", Help: "Configure system's host name", Leaf: "system/hostname", Type: hostname,
			Apply: func(_, arg any) (any, error) { return arg, nil },
		}},
		Words: schema.Words{
			"system":        "System configuration",
			"system compat": "Compatibility with other platforms",
		},
	},
	State:   operational,
	Observe: observed,
	Show:    slices.Concat(shows, processShows, redundancyShows),
	Exec:    slices.Concat(pingCommands(), traceCommands()),
}

// hostname is a word of the characters that prompts of clients allow.
var hostname = func() schema.Type[string] {
	t := schema.Word("hostname", "Enter hostname", maxHostname)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		for _, c := range []byte(s) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
				return "", schema.ErrInvalid
			}
		}
		return word(s)
	}
	t.Yang = `string { length "1..63"; pattern "[a-zA-Z0-9_.\-]+"; }`
	return t
}()

// Hostname returns the name of the chassis.
func Hostname(t tree.Tree) string { return feature.Hostname(t) }
