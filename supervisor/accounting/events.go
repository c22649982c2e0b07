package accounting

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
)

// StateEvents are the messages of what led from one state tree to the other
// (feature.View), in order of the interfaces. Nothing but the two trees makes
// them. What the first tree holds is no news: begin with the first View.
func StateEvents(old, now tree.Tree) []feature.Event {
	var events []feature.Event
	seen := ""
	for c := range tree.Diff(old.Sub(feature.InterfacesRoot), now.Sub(feature.InterfacesRoot)) {
		if name := c.Path[0].Key; name != seen {
			seen = name
			events = append(events, port(name, old.Sub(feature.InterfacePath(name)), now.Sub(feature.InterfacePath(name)))...)
		}
	}
	return events
}

// port are the messages of one interface.
func port(name string, old, now tree.Tree) []feature.Event {
	var events []feature.Event
	add := func(s feature.Stamped, facility string, severity feature.Severity, mnemonic, format string, args ...any) {
		events = append(events, feature.Event{
			At: s.At, Facility: facility, Severity: severity, Mnemonic: mnemonic, Text: fmt.Sprintf(format, args...),
		})
	}
	if feature.KindOf(name) == feature.Vethernet {
		switch was, is := read(old, "module"), read(now, "module"); {
		case was.Value == is.Value:
		case was.Value == nil:
			add(is, "VIM", feature.Notice, "IF_ATTACHED", "Interface %s is attached to %s on module %v", name, or(text(now, "owner"), "nothing"), is.Value)
		case is.Value == nil:
			add(feature.Stamped{}, "VIM", feature.Notice, "IF_DETACHED", "Interface %s is detached from module %v", name, was.Value)
		default:
			add(is, "VIM", feature.Notice, "IF_MIGRATED", "Interface %s has moved from module %v to module %v", name, was.Value, is.Value)
		}
	}
	reason := read(now, "oper-reason")
	switch was, is := text(old, "oper-status"), read(now, "oper-status"); {
	case is.Value == "up" && was != "up" && (name == feature.Mgmt0 || feature.KindOf(name) == feature.SVI): // which do not switch
		add(is, "ETHPORT", feature.Notice, "IF_UP", "Interface %s is up", name)
	case is.Value == "up" && was != "up":
		add(is, "ETHPORT", feature.Notice, "IF_UP", "Interface %s is up in mode %s", name, or(text(now, "switchport", "mode"), "access"))
	case was == "up" && is.Value == "down":
		add(is, "ETHPORT", feature.Notice, downMnemonic(fmt.Sprint(reason.Value)), "Interface %s is down (%v)", name, reason.Value)
	case was == "up" && is.Value == nil:
		add(feature.Stamped{}, "ETHPORT", feature.Notice, "IF_DOWN_INTERFACE_REMOVED", "Interface %s is down (Interface removed)", name)
	}
	if was, is := read(old, "speed"), read(now, "speed"); was.Value != is.Value && was.Value != nil && is.Value != nil {
		add(is, "ETHPORT", feature.Notice, "SPEED", "Interface %s, operational speed changed to %v Mbps", name, is.Value)
	}
	if was, is := read(old, "fault"), read(now, "fault"); is.Value != nil && was.Value != is.Value {
		add(is, "PORT-PROFILE", feature.Critical, "INTERFACE_QUARANTINED", "Interface %s has been quarantined: %v", name, is.Value)
	}
	if now.Empty() && feature.KindOf(name) == feature.Vethernet {
		add(feature.Stamped{}, "VIM", feature.Notice, "IF_DELETE", "Interface %s is deleted", name)
	}
	return events
}

func read(port tree.Tree, names ...string) feature.Stamped {
	p := tree.Path{{Name: "oper"}}
	for _, n := range names {
		p = append(p, tree.Elem{Name: n})
	}
	return feature.Read(port, p, feature.Stamped{})
}

func text(port tree.Tree, names ...string) string {
	s, _ := read(port, names...).Value.(string)
	return s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// downMnemonics are those that operators filter on; other reasons (cli.md §11.4)
// make their own.
var downMnemonics = map[string]string{
	"Administratively down": "IF_DOWN_ADMIN_DOWN",
	"Link not connected":    "IF_DOWN_LINK_FAILURE",
	"VEM absent":            "IF_DOWN_MODULE_REMOVED",
}

func downMnemonic(reason string) string {
	if m, ok := downMnemonics[reason]; ok {
		return m
	}
	return "IF_DOWN_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, reason)
}

var profile = feature.ProfilesRoot.Child("port-profile")

// CommitEvents are the messages of commits, which led from the one configuration
// to the last of them: who configured, but for what the switch does by itself,
// and which port-profiles are others now. Commits are newest first.
func CommitEvents(old tree.Tree, commits []config.Commit) []feature.Event {
	if len(commits) == 0 {
		return nil
	}
	var events []feature.Event
	for _, c := range slices.Backward(commits) {
		if c.User == "system" {
			continue
		}
		e := feature.Event{At: c.At, Facility: "VSHD", Severity: feature.Notice, Mnemonic: "VSHD_SYSLOG_CONFIG_I"}
		switch {
		case c.From == "":
			e.Text = fmt.Sprintf("Configured by %s", or(c.User, "nobody known"))
		case strings.HasPrefix(c.From, "console"):
			e.Text = fmt.Sprintf("Configured from %s by %s", c.From, c.User)
		default:
			e.Text = fmt.Sprintf("Configured from vty by %s on %s", c.User, c.From)
		}
		events = append(events, e)
	}
	now := commits[0]
	seen := ""
	for c := range tree.Diff(old.Sub(feature.ProfilesRoot), now.Tree.Sub(feature.ProfilesRoot)) {
		name := c.Path[0].Key
		if name == seen {
			continue
		}
		seen = name
		at := profile.Parent().Entry("port-profile", name)
		what := "changed"
		switch {
		case !old.Exists(at):
			what = "created"
		case !now.Tree.Exists(at):
			what = "deleted"
		}
		events = append(events, feature.Event{
			At: now.At, Facility: "PORT-PROFILE", Severity: feature.Notice, Mnemonic: "PROFILE_CHANGE",
			Text: fmt.Sprintf("Port-profile %s has been %s", name, what),
		})
	}
	return events
}
