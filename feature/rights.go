package feature

import (
	"slices"

	"trunkline/internal/ether"
)

// Rights are what the roles of one user allow at one moment (cli.md §9.1).
//
// A role is a list of rules and of limits. The rules are looked at from the
// highest number down; the first that is about a command decides, and without
// one the command is denied. What one role of a user allows is not taken away by
// another: an act is allowed if some role allows it with all that it touches.
//
// A rule is about a command by its text, or by the feature that has it and by
// whether it changes anything. Texts are compared so that a mistake of whoever
// wrote the rule denies too much rather than too little:
//
//   - A permitted text is the whole command, in which * stands for any
//     characters; one at the end stands for all modes below, too.
//   - A denied text is about every command that begins with it, in whatever mode
//     it is found, and its words may be abbreviated.
//   - Either is also about the no and default forms of its command.
//
// The zero value allows nothing but what every session may do.
type Rights struct {
	// Admin are the rights of network-admin: everything.
	Admin bool
	Roles []Grant
}

// Grant is what one role allows.
type Grant struct {
	// Rules, the highest number first.
	Rules []Rule
	// Limits of what may be changed; nil for none. An empty one permits
	// nothing.
	Interfaces *[]string
	VLANs      *ether.VLANSet
}

// Rule is a rule of a role. It is about commands that its text matches, or with
// none about those of a feature, or with neither about all.
type Rule struct {
	Number uint32
	Permit bool
	// Text is of commands, nil for none.
	Text *Pattern
	// Write says that the rule is about what changes something as well: a
	// rule read-write.
	Write   bool
	Feature string
}

// Command is what a user wants to do.
type Command struct {
	// Lines are the lines of the modes, from global configuration on, and the
	// command; of exec mode there is one. Keywords are whole. Nil is no
	// command but an access to a feature.
	Lines []string
	// Config says that the lines are of configuration.
	Config bool
	// Feature has the command.
	Feature string
	// Write says that it changes something.
	Write bool
}

// Verdict is what rights say of a command. A greater one allows more.
type Verdict uint8

// Verdicts.
const (
	Denied Verdict = iota // by a rule
	// Unruled is what no rule is about. It is denied, but that a mode of
	// configuration may be entered where that changes nothing.
	Unruled
	Permitted
)

// Touched are the objects that an act changes, for the limits of roles.
type Touched struct {
	Interfaces []string
	VLANs      ether.VLANSet
}

// OwnCommands is the feature, in rules, of the commands that are of no feature:
// copy, checkpoint, rollback and the other ones of sessions and files.
const OwnCommands = "cli"

// RightsOf are those of the built-in roles among the names of a Role.
func RightsOf(r Role) Rights {
	rights := Rights{Admin: r.Admin()}
	if r.Has(NetworkOperator) {
		rights.Roles = append(rights.Roles, Grant{Rules: []Rule{{Number: 1, Permit: true}}})
	}
	return rights
}

// Judge returns what the rights say of a command that touches objects.
func (r Rights) Judge(c Command, touched Touched) Verdict {
	if r.Admin {
		return Permitted
	}
	best := Denied
	if len(r.Roles) == 0 {
		return Denied
	}
	for _, g := range r.Roles {
		if v := g.judge(c); v > best && g.reaches(touched) {
			best = v
		}
	}
	return best
}

// Reads reports whether what a feature knows may be read.
func (r Rights) Reads(feature string) bool {
	return r.Judge(Command{Feature: feature}, Touched{}) == Permitted
}

// Reaches reports whether objects are within the limits of some role.
func (r Rights) Reaches(t Touched) bool {
	return r.Admin || slices.ContainsFunc(r.Roles, func(g Grant) bool { return g.reaches(t) })
}

// Configures reports whether some command of configuration may be permitted, so
// that its mode is worth entering.
func (r Rights) Configures() bool {
	return r.Admin || slices.ContainsFunc(r.Roles, func(g Grant) bool {
		return slices.ContainsFunc(g.Rules, func(rule Rule) bool { return rule.Permit && (rule.Write || rule.Text != nil) })
	})
}

// judge looks for the rule that is about a command.
func (g Grant) judge(c Command) Verdict {
	for _, rule := range g.Rules {
		if !rule.about(c) {
			continue
		}
		if rule.Permit {
			return Permitted
		}
		return Denied
	}
	return Unruled
}

// about reports whether the rule decides on a command.
func (r Rule) about(c Command) bool {
	if r.Text != nil {
		return c.Lines != nil && r.Text.matches(c)
	}
	if r.Feature != "" && r.Feature != c.Feature {
		return false
	}
	return r.Write || !r.Permit || !c.Write // who is denied reading may not write
}

// reaches reports whether objects are within the limits of the role.
func (g Grant) reaches(t Touched) bool {
	if g.VLANs != nil && !t.VLANs.Minus(*g.VLANs).Empty() {
		return false
	}
	return g.Interfaces == nil || !slices.ContainsFunc(t.Interfaces, func(name string) bool {
		return !slices.Contains(*g.Interfaces, name)
	})
}
