package portprofile

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// check finds what is wrong with inheritance and membership. A profile that is
// inherited but not there is the schema's to refuse, but when this candidate
// removes it, the message here names who uses it.
func check(c feature.Candidate) []schema.Problem {
	moved, profiles := concerned(c)
	if len(moved) == 0 && !profiles {
		return nil
	}
	var out []schema.Problem
	said := map[string]bool{} // one change of a parent concerns all below it
	problem := func(at tree.Path, rule, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !said[text] {
			said[text] = true
			out = append(out, schema.Problem{Path: at, Rule: rule, Text: text})
		}
	}
	look := map[string]bool{} // profiles that may have become wrong
	for _, port := range moved {
		look[feature.ProfileOf(c.New, port)] = true
	}

	for gone := range c.Old.Keys(listPath) {
		if !profiles {
			break
		}
		if c.New.Exists(path(gone)) {
			continue
		}
		if ports := members(c.New, gone); len(ports) > 0 {
			problem(path(gone), schema.RuleInUse, "ERROR: Port-profile %s is in use by %s; remove or move the ports first.",
				gone, some(ports))
		} else if below := feature.ProfilesByParent.Members(c.New, gone); len(below) > 0 {
			problem(path(gone), schema.RuleInUse, "ERROR: Port-profile %s is in use by port-profile %s; remove or move it first.",
				gone, some(below))
		}
	}

	count := 0
	for p := range c.New.Keys(listPath) {
		count++
		if !profiles && !look[p] {
			continue
		}
		parent := parentOf(c.New, p)
		above, looped := chain(c.New, p)
		at := path(p, "inherit")
		switch {
		case looped && onLoop(c.New, p):
			// Of the profiles on a loop, those that closed it are to blame.
			if parentOf(c.Old, p) != parent {
				problem(at, "port-profile-loop", "ERROR: Inheriting %s would create a loop.", parent)
			}
		case looped: // below a loop, which is reported where it is
		case len(above) > maxDepth:
			problem(at, "port-profile-depth", "ERROR: Port-profile inheritance depth exceeds %d.", maxDepth)
		}
		switch {
		case parent == "", !c.New.Exists(path(parent)):
		case kind(c.New, p) != kind(c.New, parent):
			problem(at, "port-profile-type", "%s", feature.TypeMismatch(kind(c.New, p), kind(c.New, parent)))
		}
		if most := maxPorts(c.New, p); feature.PortsByProfile.Count(c.New, p) > most {
			out = append(out, full(c, p, members(c.New, p), most)...)
		}
	}
	if count > maxProfiles {
		problem(listPath, "port-profile-limit", "ERROR: Maximum number of port-profiles (%d) reached.", maxProfiles)
	}

	for _, port := range moved {
		p := feature.ProfileOf(c.New, port)
		if p == "" || !c.New.Exists(path(p)) {
			continue
		}
		if k := feature.KindOf(port); k != kind(c.New, p) {
			out = append(out, schema.Problem{Path: feature.InterfacePath(port, "inherit"), Rule: "port-profile-type",
				Text: feature.TypeMismatch(k, kind(c.New, p))})
		}
	}
	return out
}

// full returns the problems of a profile with more ports than it may have: those
// of the last ports that are new in it, or if none is, of what it may have.
func full(c feature.Candidate, profile string, ports []string, most int) []schema.Problem {
	var out []schema.Problem
	add := func(at tree.Path) {
		out = append(out, schema.Problem{Path: at, Rule: "port-profile-max-ports",
			Text: fmt.Sprintf("ERROR: Port-profile %s has reached max-ports %d.", profile, most)})
	}
	for _, port := range slices.Backward(ports) {
		if feature.ProfileOf(c.Old, port) != profile && len(out) < len(ports)-most {
			add(feature.InterfacePath(port, "inherit"))
		}
	}
	if len(out) == 0 {
		add(path(profile, "max-ports"))
	}
	slices.Reverse(out)
	return out
}

// concerned returns the ports whose port-profile the candidate changes, and
// whether it changes what profiles there are, their inheritance, type or limit.
func concerned(c feature.Candidate) (ports []string, profiles bool) {
	for change := range tree.Diff(c.Old, c.New) {
		switch names := change.Path.Names(); {
		case names == "interfaces/interface/inherit":
			ports = append(ports, change.Path[1].Key)
		case len(change.Path) < 2 || change.Path[0].Name != listPath[0].Name:
		case len(change.Path) == len(listPath):
			profiles = true
		default:
			profiles = profiles || slices.Contains([]string{"inherit", "type", "max-ports"}, change.Path[2].Name)
		}
	}
	return ports, profiles
}

// onLoop reports whether a profile inherits itself in the end.
func onLoop(t tree.Tree, profile string) bool {
	seen := map[string]bool{}
	for p := parentOf(t, profile); p != "" && !seen[p]; p = parentOf(t, p) {
		if p == profile {
			return true
		}
		seen[p] = true
	}
	return false
}

// some lists names, of many only the first.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ",") + ",..."
	}
	return strings.Join(names, ",")
}
