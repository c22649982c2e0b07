package aaa

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/tree"
	"trunkline/feature"
)

// shownRole is a role as show role prints it.
type shownRole struct {
	name, description string
	vlans, interfaces string
	rules             []rule
}

func shownRoles(t tree.Tree) []shownRole {
	all := []shownRole{
		{string(feature.NetworkAdmin), "Built-in role that may run every command", "", "", []rule{{1, "permit read-write"}}},
		{string(feature.NetworkOperator), "Built-in role that may run commands that change nothing", "", "", []rule{{1, "permit read"}}},
	}
	for _, name := range Roles(t)[len(all):] {
		r := shownRole{name: name, rules: rulesOf(t, name), vlans: "permit (default)", interfaces: "permit (default)"}
		r.description = feature.Read(t, rolePath(name).Child("description"), "")
		vlans, interfaces := limitsOf(t, name)
		if vlans != nil {
			r.vlans = "deny"
			if !vlans.Empty() {
				r.vlans += "\n  Permitted vlans: " + vlans.String()
			}
		}
		if interfaces != nil {
			r.interfaces = "deny"
			slices.SortFunc(*interfaces, feature.CompareNames)
			if len(*interfaces) > 0 {
				r.interfaces += "\n  Permitted interfaces: " + strings.Join(*interfaces, ",")
			}
		}
		all = append(all, r)
	}
	return all
}

// parts are the columns of a rule.
func (r rule) parts() (permission, kind, scope, entity string) {
	words := strings.SplitN(r.text, " ", 3)
	permission, kind = words[0], words[1]
	if len(words) == 3 {
		scope, entity, _ = strings.Cut(words[2], " ")
		if kind == "command" {
			scope, entity = "", words[2]
		}
	}
	return permission, kind, scope, entity
}

// about is the description, NX-OS's where there is none.
func (r shownRole) about() string {
	if r.description == "" {
		return "new role"
	}
	return r.description
}

const roleRule = "  -------------------------------------------------------------------\n"

func (r shownRole) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Role: %s\n  Description: %s\n", r.name, r.about())
	if !builtin(r.name) {
		fmt.Fprintf(&b, "  Vlan policy: %s\n  Interface policy: %s\n", r.vlans, r.interfaces)
	}
	b.WriteString(roleRule + "  Rule    Perm    Type        Scope               Entity\n" + roleRule)
	for _, one := range r.rules {
		permission, kind, scope, entity := one.parts()
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-7d %-7s %-11s %-19s %s", one.number, permission, kind, scope, entity), " ") + "\n")
	}
	return b.String()
}

func showRoles(q feature.Query) (feature.Screen, error) {
	list := shownRoles(q.Running)
	if name, given := feature.Value[string](q.Args, "role"); given {
		i := slices.IndexFunc(list, func(r shownRole) bool { return r.name == name })
		if i < 0 {
			return nil, feature.Error("ERROR: Role does not exist: " + name)
		}
		list = list[i : i+1]
	}
	return feature.Screen{{
		Name: "role",
		Rows: func(yield func(feature.Row) bool) {
			for i, r := range list {
				text := r.text()
				if i > 0 {
					text = "\n" + text
				}
				if !yield(feature.Row{Text: text, Keys: r.keys(), Sub: []feature.Section{r.ruleTable()}}) {
					return
				}
			}
		},
	}}, nil
}

func (r shownRole) keys() []feature.Pair {
	keys := []feature.Pair{{Key: "role_name", Value: r.name}, {Key: "role_description", Value: r.about()}}
	if builtin(r.name) {
		return keys
	}
	return append(keys, feature.Pair{Key: "vlan_policy", Value: policy(r.vlans)}, feature.Pair{Key: "interface_policy", Value: policy(r.interfaces)})
}

// policy is that of a limit.
func policy(limit string) string { s, _, _ := strings.Cut(limit, "\n"); return s }

// ruleTable are the rules in structured output.
func (r shownRole) ruleTable() feature.Section {
	return feature.Section{Name: "rule", Rows: feature.Rows(r.rules, nil, func(one rule) []feature.Pair {
		permission, kind, scope, entity := one.parts()
		keys := []feature.Pair{{Key: "rule_num", Value: one.number}, {Key: "rule_action", Value: permission}, {Key: "rule_type", Value: kind}}
		if scope != "" {
			keys = append(keys, feature.Pair{Key: "rule_scope", Value: scope})
		}
		if entity != "" {
			keys = append(keys, feature.Pair{Key: "rule_entity", Value: entity})
		}
		return keys
	})}
}
