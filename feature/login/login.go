// Package login is the feature of operators' lines to the switch: the limits of
// console and terminal lines, the SSH server's settings, the message of the day,
// and who is logged in (cli.md §2.1, §9.1, §11.23). The servers of the
// supervisor read its leaves; it programs nothing.
package login

import (
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is what configuration says of lines.
type Config struct {
	ConsoleTimeout uint32 // minutes without input, 0 for no limit
	Timeout        uint32 // likewise of terminal lines
	Sessions       uint32 // terminal lines at a time
	SSH            bool   // the SSH server is on
	Attempts       uint32 // to log in on one connection
	Banner         string // message of the day: lines with a newline between
	Exec           string // likewise what follows it and the product's notice
}

// Defaults of the leaves.
const (
	DefaultSessions = 32
	DefaultAttempts = 3
)

// Sections of show running-config (cli.md §8).
const (
	sectionFeatures = 2
	sectionBanner   = 4
	sectionSSH      = 5
	sectionLines    = 20
)

// Feature is the feature of lines.
var Feature = feature.Feature{
	Name: "login",
	Schema: schema.Group{
		Blocks: []schema.Block{
			{Path: consolePath, Line: "line console", Mode: "config-console", Section: sectionLines, Order: 10, Help: "Primary terminal line"},
			{Path: vtyPath, Line: "line vty", Mode: "config-line", Section: sectionLines, Order: 11, Help: "Virtual terminal"},
		},
		Leaves: leaves(),
		Words: schema.Words{
			"banner":  "Define a login banner",
			"feature": "Command to enable/disable features",
			"line":    "Configure a terminal line",
			"ssh":     "Configure SSH parameters",
		},
	},
	Show: []feature.Show{showUsers, showPrivilege, showBanner("motd", "Message of the day"), showBanner("exec", "Message before the first prompt")},
	Exec: []feature.Exec{clearLine, clearUser},
}

// Paths of the blocks.
const (
	consolePath = "line/console"
	vtyPath     = "line/vty"
)

func leaves() []schema.Leaf {
	minutes := schema.Uint("exec-timeout", "Minutes without input until the session ends, 0 for never", 0, 525600)
	timeout := func(block string, field func(*Config) *uint32) schema.Leaf {
		return schema.Bind("exec-timeout", minutes, field, "exec-timeout <minutes>", "Configure the idle timeout of sessions").
			With(func(l *schema.Leaf) { l.Mounts, l.Default = []string{block}, uint32(0) })
	}
	return []schema.Leaf{
		timeout(consolePath, func(c *Config) *uint32 { return &c.ConsoleTimeout }),
		timeout(vtyPath, func(c *Config) *uint32 { return &c.Timeout }),
		schema.Bind("session-limit", schema.Uint("session-limit", "Number of sessions", 1, 64),
			func(c *Config) *uint32 { return &c.Sessions },
			"session-limit <count>", "Configure the number of sessions with a terminal at a time").
			With(func(l *schema.Leaf) { l.Mounts, l.Default = []string{vtyPath}, uint32(DefaultSessions) }),
		schema.Bind("features/ssh", schema.Flag, func(c *Config) *bool { return &c.SSH },
			"feature ssh", "Enable/Disable the SSH server").
			With(func(l *schema.Leaf) { l.Default, l.Section = true, sectionFeatures }),
		schema.Bind("ssh/login-attempts", schema.Uint("login-attempts", "Number of attempts", 1, 10),
			func(c *Config) *uint32 { return &c.Attempts },
			"ssh login-attempts <count>", "Attempts to log in on one connection").
			With(func(l *schema.Leaf) { l.Default, l.Section = uint32(DefaultAttempts), sectionSSH }),
		schema.Bind("banner/motd", banner, func(c *Config) *string { return &c.Banner },
			"banner motd <text>", "Message of the day").
			With(func(l *schema.Leaf) { l.Section = sectionBanner }),
		schema.Bind("banner/exec", banner, func(c *Config) *string { return &c.Exec },
			"banner exec <text>", "Message before the first prompt").
			With(func(l *schema.Leaf) { l.Section, l.Order = sectionBanner, 1 }),
	}
}

func path(names ...string) tree.Path {
	var p tree.Path
	for _, n := range names {
		p = append(p, tree.Elem{Name: n})
	}
	return p
}

// Read reads the configuration of lines.
func Read(t tree.Tree) Config {
	return Config{
		ConsoleTimeout: feature.Read(t, path("line", "console", "exec-timeout"), uint32(0)),
		Timeout:        feature.Read(t, path("line", "vty", "exec-timeout"), uint32(0)),
		Sessions:       feature.Read(t, path("line", "vty", "session-limit"), uint32(DefaultSessions)),
		SSH:            enabled(t),
		Attempts:       feature.Read(t, path("ssh", "login-attempts"), uint32(DefaultAttempts)),
		Banner:         feature.Read(t, path("banner", "motd"), ""),
		Exec:           feature.Read(t, path("banner", "exec"), ""),
	}
}

// enabled reports whether the SSH server is on: also if nothing is said of it.
func enabled(t tree.Tree) bool {
	v, set := t.Get(path("features", "ssh"))
	return !set || v == true
}

// Idle is how long a session may wait for its operator, 0 for ever.
func (c Config) Idle(s feature.Session) time.Duration {
	if s.Address == "" {
		return time.Duration(c.ConsoleTimeout) * time.Minute
	}
	return time.Duration(c.Timeout) * time.Minute
}
